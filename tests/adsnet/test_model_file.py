"""Model files: nothing but a whole file of ours is ever used, and a failed write costs nothing."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adsnet import model_file, resources
from adsnet.config import ModelConfig, Normalisation, PatchGrid
from adsnet.errors import AdsnetError, ModelFileError, StorageError
from adsnet.model_file import ModelCard, card_to_json, read_card, read_model, resolve_model, write_model

CARD = ModelCard(
    name="first",
    model=ModelConfig(width=16, patches=PatchGrid("grid", 8)),
    normalisation=Normalisation("fixed", 80.0, 16.0),
    metrics={"set": {"niou": 0.5, "auc": None}},
    training={"iterations": 10, "data": {"set": 8}},
)


def weights(seed: int = 0) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    return {
        "kernel": random.normal(size=(4, 3, 3, 3)).astype(np.float16),
        "bias": random.normal(size=4).astype(np.float32),
        "count": np.array(7, np.int64),
        "empty": np.zeros((0, 3), np.float32),
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "first.safetensors"
    write_model(target, weights(), CARD)
    return target


def foreign(metadata: dict[str, str] | None, arrays: dict[str, NDArray[Any]] | None = None) -> bytes:
    return bytes(safetensors.numpy.save(weights() if arrays is None else arrays, metadata))


def signed(card: object, arrays: dict[str, NDArray[Any]] | None = None) -> bytes:
    """A file whose checksum is right, whatever the card says."""
    text = card if isinstance(card, str) else json.dumps(card)
    arrays = weights() if arrays is None else arrays
    return foreign({"adsnet": text, "sha256": model_file._digest(text, arrays)}, arrays)


def whole_card(**changes: Any) -> dict[str, Any]:
    return {"format": 3, **card_to_json(CARD), **changes}


def test_weights_and_card_come_back(path: Path) -> None:
    arrays, card = read_model(path)
    assert card == CARD == read_card(path)
    assert arrays.keys() == weights().keys()
    for name, array in weights().items():
        assert arrays[name].dtype == array.dtype and np.array_equal(arrays[name], array)


def test_arrays_in_any_memory_order_come_back(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    write_model(tmp_path / "m.safetensors", {"w": array, "part": array[::2]}, CARD)
    arrays, _ = read_model(tmp_path / "m.safetensors")
    assert np.array_equal(arrays["w"], array) and np.array_equal(arrays["part"], array[::2])


@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
@settings(max_examples=150)
def test_a_flipped_byte_anywhere_is_one_error_that_names_the_file(path: Path, place: int, flip: int) -> None:
    target, data = path.with_name("flipped.safetensors"), bytearray(path.read_bytes())
    data[place % len(data)] ^= flip
    target.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        read_model(target)
    assert str(caught.value).startswith(f"{target}: ") and "\n" not in str(caught.value)


def test_a_file_cut_short_anywhere_is_one_error(path: Path) -> None:
    data = path.read_bytes()
    for length in [*range(0, 64), *range(64, len(data), 41), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError) as caught:
            read_model(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(("old", "new"), [(b'"F32"', b'"I32"'), (b'"bias"', b'"bios"'), (b"[4,3,3,3]", b"[3,4,3,3]")])
def test_a_header_that_reads_the_same_bytes_otherwise_is_an_error(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    with pytest.raises(ModelFileError, match=r"damaged \(checksum\)"):
        read_model(path)


def test_bytes_behind_the_end_are_an_error(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ModelFileError, match="damaged"):
        read_model(path)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not a model file of this program"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a model file of this program"),
        (pickle.dumps({"weights": [1.0]}), "not a model file of this program"),
        (b"\xff" * 64, "not a model file of this program"),
        ((8).to_bytes(8, "little") + b"[[[[[[[[", "not a model file of this program"),
        ((2 * 10**5).to_bytes(8, "little") + b"[" * 2 * 10**5, "not a model file of this program"),
        (foreign(None), "not a model file of this program"),
        (foreign({"format": "pt"}), "not a model file of this program"),
        (foreign({"adsnet": json.dumps(whole_card())}), r"damaged \(checksum\)"),
        (foreign({"adsnet": json.dumps(whole_card()), "sha256": "0" * 64}), r"damaged \(checksum\)"),
        (signed(whole_card(format=4)), r"made by a newer version \(format 4\); update this program"),
        (foreign({"adsnet": json.dumps({"format": 9, "other": "layout"})}), "made by a newer version"),
        (signed(whole_card(format="new")), "no format version"),
        (signed(whole_card(format=None)), "no format version"),
        (signed("[]"), "no format version"),
        (signed("{"), "no format version"),
        (signed({k: v for k, v in whole_card().items() if k != "model"}), r"header cannot be used \('model'\)"),
        (signed(whole_card(model={"width": 16, "depth": 3})), "unknown option 'model.depth'"),
        (signed(whole_card(model={"width": 10**9})), "width is 1000000000"),
        (signed(whole_card(normalisation={"kind": "asinh", "std": -1.0})), "normalisation.std is -1.0"),
        (signed(whole_card(name=5)), "wrong type"),
        (signed(whole_card(detector=None)), "wrong type"),
        (signed(whole_card(metrics=[])), "wrong type"),
        (signed(whole_card(training="yes")), "wrong type"),
        (signed(whole_card(), {"w": np.array([1.0, np.nan])}), "the weights 'w' are not finite"),
        (signed(whole_card(), {"w": np.array([np.inf], np.float16)}), "the weights 'w' are not finite"),
    ],
)
def test_what_is_not_a_whole_model_of_ours_is_refused(tmp_path: Path, data: bytes, text: str) -> None:
    target = tmp_path / "strange.safetensors"
    target.write_bytes(data)
    with pytest.raises(ModelFileError, match=text) as caught:
        read_model(target)
    assert str(caught.value).startswith(f"{target}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("card", [whole_card(format=4), whole_card(name=5), {"format": 2}, {"format": 1, "model": 7}])
def test_the_card_alone_is_checked_as_well(tmp_path: Path, card: object) -> None:
    target = tmp_path / "strange.safetensors"
    target.write_bytes(signed(card))
    with pytest.raises(ModelFileError):
        read_card(target)


def test_missing_files_folders_and_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    for name in ("missing.safetensors", "", "pipe.safetensors", "a" * 300 + ".safetensors", "nul\0.safetensors"):
        for function in (read_model, read_card, resolve_model):
            with pytest.raises(ModelFileError, match="there is no such model file; check the path"):
                function(tmp_path / name)


def test_a_file_too_large_for_a_model_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "MAX_BYTES", 100)
    with pytest.raises(ModelFileError, match="larger than 1 GiB"):
        read_model(path)


def test_a_file_without_permission_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ModelFileError, match=r"cannot be read \(Permission denied\); check its permissions"):
        read_model(path)


def test_weights_that_are_not_finite_are_not_written(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match="the weights 'bias' are not finite; train again"):
        write_model(path, {**weights(), "bias": np.array([1.0, np.nan], np.float32)}, CARD)
    assert path.read_bytes() == before


def test_what_cannot_be_read_back_does_not_replace_anything(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    real = safetensors.numpy.save

    def faulty(arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> bytes:
        data = bytearray(real(arrays, metadata))
        data[-1] ^= 1
        return bytes(data)

    monkeypatch.setattr(safetensors.numpy, "save", faulty)
    with pytest.raises(ModelFileError, match="could not be read back; the old file is unchanged") as caught:
        write_model(path, weights(1), replace(CARD, name="second"))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_old_model(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError):
        write_model(path, weights(1), replace(CARD, name="second"))
    assert path.read_bytes() == before and read_model(path)[1].name == "first"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_models_by_path_and_by_shipped_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(path, path.parent / "adsnet-default.safetensors")
    monkeypatch.setattr(resources, "path_of", lambda name: path.parent)
    assert resolve_model(path) == path
    assert resolve_model(None) == path.parent / "adsnet-default.safetensors"
    assert resolve_model("first") == path
    monkeypatch.chdir(path.parent)  # where a run, or a file, may be called like a shipped model
    for made in ((path.parent / "adsnet-default").mkdir, (path.parent / "adsnet-default").touch):
        made()
        assert resolve_model(None) == path.parent / "adsnet-default.safetensors"
        if (path.parent / "adsnet-default").is_dir():
            assert resolve_model("adsnet-default") == path.parent / "adsnet-default.safetensors"
            (path.parent / "adsnet-default").rmdir()
    plain = path.rename(path.parent / "without suffix")
    assert resolve_model(plain) == plain


@pytest.mark.parametrize("name", ["second", "../first", "a" * 300, "nul\0", "folder/first"])
def test_an_unknown_name_lists_the_shipped_ones(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "path_of", lambda asked: path.parent)
    with pytest.raises(ModelFileError, match=r"give a .safetensors file or one of: first"):
        resolve_model(name)


def test_an_installation_without_models_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "_roots", lambda: [tmp_path])
    with pytest.raises(AdsnetError, match="missing from this installation"):
        resolve_model(None)


def test_reading_a_card_costs_no_torch(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from adsnet.model_file import read_model\n"
        "print(read_model(Path(sys.argv[1]))[1].name, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["first", "False"]


def test_a_model_of_version_1_has_the_backbone_of_resnet_18(tmp_path: Path) -> None:
    """It was written before the width of the backbone became an option."""
    card = whole_card(format=1)
    del card["model"]["backbone_width"], card["model"]["stem_width"], card["model"]["cascade_blocks"]
    path = tmp_path / "old.safetensors"
    path.write_bytes(signed(card))
    assert read_model(path)[1].model.backbone_width == 64
    old = replace(CARD.model, backbone_width=64, stem_width=64, cascade_blocks=(1, 1))
    assert read_card(path).model == old


def test_a_model_of_version_2_has_single_blocks_and_a_stem_like_its_backbone(tmp_path: Path) -> None:
    card = whole_card(format=2)
    del card["model"]["cascade_blocks"], card["model"]["stem_width"]
    path = tmp_path / "old.safetensors"
    path.write_bytes(signed(card))
    assert read_model(path)[1].model == replace(CARD.model, cascade_blocks=(1, 1), stem_width=CARD.model.backbone_width)
