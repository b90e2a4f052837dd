"""Detectors by name, what they give, and the check of their parameters."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.detectors.aadcdd import Aadcdd
from adsnet.detectors.lef import Lef
from adsnet.detectors.protocol import Detector, SaliencyDetector
from adsnet.detectors.registry import METHODS, make_detector
from adsnet.detectors.thresholds import Threshold
from adsnet.detectors.tllcm import Tllcm
from adsnet.detectors.tophat import TopHat
from adsnet.errors import ConfigError
from tests.adsnet.tiny import make_frame

PAPER: dict[str, TopHat | Lef | Aadcdd | Tllcm] = {
    "tophat": TopHat(side=5),
    "lef": Lef(h=0.2, a=0.5, largest=9),
    "aadcdd": Aadcdd(inner=(3, 5, 7, 9), outer=19),
    "tllcm": Tllcm(sides=(3, 5, 7, 9), brightest=9),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_method_finds_a_clear_target(name: str, dtype: Any) -> None:
    pixels, label = make_frame(120, 140, seed=3, dtype=dtype)
    detector: Detector = make_detector(name)
    assert detector.name == name and not detector.trainable
    started = time.perf_counter()
    found = detector.detect(pixels)
    assert 0 < found.seconds <= time.perf_counter() - started
    assert found.score.shape == found.mask.shape == (120, 140)
    assert found.score.dtype == np.float32 and found.mask.dtype == np.bool_
    assert found.score.min() == 0 and found.score.max() == 1
    assert len(found.targets) == 1 and found.targets[0].score == 1
    assert found.targets[0].area == found.mask.sum()
    assert found.mask[label].any() and not found.mask[~label].any()


@pytest.mark.parametrize("name", METHODS)
def test_a_flat_frame_has_no_target(name: str) -> None:
    found = make_detector(name).detect(np.full((20, 30), 9, np.uint8))
    assert not found.score.any() and not found.mask.any() and found.targets == ()


@pytest.mark.parametrize("name", METHODS)
def test_the_defaults_are_those_of_the_paper(name: str) -> None:
    detector = make_detector(name)
    assert detector.method == PAPER[name]
    assert detector.threshold == Threshold("mean_std", METHODS[name].k)


def test_another_threshold_and_other_parameters() -> None:
    pixels, _ = make_frame(40, 40, seed=1)
    detector = make_detector("tophat", Threshold("share_of_max", 0.5), side=3)
    assert detector == SaliencyDetector("tophat", TopHat(3), Threshold("share_of_max", 0.5))
    saliency = TopHat(3).saliency(pixels)
    np.testing.assert_array_equal(detector.detect(pixels).mask, saliency > saliency.max() / 2)


def test_targets_have_their_own_scores() -> None:
    pixels = np.zeros((30, 30), np.uint8)
    pixels[5, 5], pixels[20, 11] = 50, 200
    first, second = make_detector("tophat", Threshold("fixed", 10.0)).detect(pixels).targets
    assert (first.x, first.y, first.score) == (5.0, 5.0, 0.25)
    assert (second.x, second.y, second.score) == (11.0, 20.0, 1.0)


def test_unknown_names_are_named() -> None:
    with pytest.raises(ConfigError, match="detector is 'mpcm'; it must be one of tophat, lef, aadcdd, tllcm"):
        make_detector("mpcm")
    with pytest.raises(ConfigError, match="the detector lef has no parameter 'side'; it has h, a, largest"):
        make_detector("lef", h=0.1, side=3)


# ---- parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("tophat", {"side": 4}, "side is 4; it must be an odd whole number from 3 to 63"),
        ("tophat", {"side": 65}, "side is 65; it must be an odd whole number from 3 to 63"),
        ("tophat", {"side": 5.0}, "side is 5.0; it must be an odd"),
        ("tophat", {"side": True}, "side is True"),
        ("lef", {"h": 0}, "h is 0; it must be a number from 0.05 to 2"),
        ("lef", {"a": True}, "a is True; it must be a number from 0 to 1"),
        ("lef", {"a": float("nan")}, "a is nan; it must be a number from 0 to 1"),
        ("lef", {"a": "half"}, "a is 'half'; it must be a number from 0 to 1"),
        ("lef", {"largest": 2}, "largest is 2; it must be an odd whole number from 1 to 31"),
        ("aadcdd", {"inner": 3}, "inner is 3; it must be a tuple of ascending numbers, each an odd whole number"),
        ("aadcdd", {"inner": ()}, "inner is (); it must be a tuple of ascending numbers"),
        ("aadcdd", {"inner": (5, 3)}, "inner is (5, 3); it must be a tuple of ascending numbers"),
        ("aadcdd", {"inner": (3, 3)}, "inner is (3, 3); it must be a tuple of ascending numbers"),
        ("aadcdd", {"inner": (3, "5")}, "inner is (3, '5'); it must be a tuple of ascending numbers"),
        ("aadcdd", {"inner": (3, 6)}, "inner is (3, 6); each must be an odd whole number from 3 to 31"),
        ("aadcdd", {"inner": (3, 19)}, "outer is 19; it must be larger than the inner side 19"),
        ("aadcdd", {"outer": 18}, "outer is 18; it must be an odd whole number from 5 to 63"),
        ("tllcm", {"brightest": 0}, "brightest is 0; it must be a whole number from 1 to 49"),
        ("tllcm", {"brightest": 10}, "brightest is 10; it must not be above the 9 pixels of a cell of side 3"),
    ],
)
def test_values_out_of_range_are_refused(name: str, parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as error:
        make_detector(name, **parameters)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_carries_its_range_and_a_help_text(name: str) -> None:
    fields = dataclasses.fields(PAPER[name])
    assert fields
    for field in fields:
        low, high = field.metadata["least"], field.metadata["most"]
        values = field.default if isinstance(field.default, tuple) else (field.default,)
        assert all(low <= value <= high for value in values)
        assert field.metadata["help"].endswith(".") and len(field.metadata["help"]) > 20


ENDS = [
    TopHat(3), TopHat(63), Lef(h=0.05, a=0, largest=1), Lef(h=2, a=1.0, largest=31), Aadcdd((3,), 5),
    Aadcdd((3, 31), 63), Tllcm((3,), 1), Tllcm((7, 15), 49),
]  # fmt: skip


@pytest.mark.parametrize("method", ENDS, ids=repr)
def test_the_ends_of_the_ranges_work(method: TopHat | Lef | Aadcdd | Tllcm) -> None:
    pixels, _ = make_frame(20, 24, seed=2)
    saliency: NDArray[np.float64] = method.saliency(pixels)
    assert np.isfinite(saliency).all() and saliency.max() > 0
