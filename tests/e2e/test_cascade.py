"""The cascade through the real window: what its views show are the tensors of the network."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from adsnet.config import Sparsity
from adsnet.prediction import FloatMap, Prediction
from adsnet.predictor import Predictor
from adsnet.resources import path_of
from app.bootstrap import Studio
from app.imaging.overlay import heat_rgba
from app.state.session import Session
from app.views.canvas_layers import stretched
from app.views.stage_card import StageCard
from app.views.tools import Pointer
from tests.e2e.conftest import RunStudio
from tests.waiting import pause

SECONDS = 120
COSTS = {
    "B2": ("stem", "B2"), "B3": ("B3",), "B4": ("B4",), "Attention 4": ("AFD",),
    "Decide 4 → 3": ("stage 4", "decision 3"), "Decide 3 → 2": ("stage 3", "decision 2"),
    "Probability": ("stage 2", "stride 2", "stride 1", "head"),
}  # fmt: skip
"""The stages of the network whose cost a step of the strip has."""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    folder = tmp_path / "sample"
    shutil.copytree(path_of("sample"), folder)
    return folder


def wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        pause(10)


def settled(studio: Studio) -> Prediction:
    """The prediction of what is asked for now."""
    session = studio.session
    pause(100)
    wait(lambda: session.prediction is not None and not session.jobs.busy("predict"), "a prediction")
    pause(50)
    assert session.prediction is not None
    return session.prediction


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_patches_are_kept_above_a_threshold_of_each_stage(sample: Path, run_studio: RunStudio) -> None:
    def drive(studio: Studio) -> None:
        session, cascade = studio.session, studio.window.cascade
        settled(studio)
        QTest.keyClick(cascade.rule, Qt.Key.Key_Down)
        made = settled(studio)
        assert session.sparsity.threshold == (0.5, 0.5)
        assert_kept_above(made, 0.5, 0.5)
        cascade._stage3.slider.setValue(40)
        cascade._stage2.slider.setValue(700)
        made = settled(studio)
        assert session.sparsity.threshold == (0.04, 0.7)
        assert_kept_above(made, 0.04, 0.7)
        kept, count = int(made.decisions[1].kept.sum()), made.decisions[1].kept.size
        assert cascade._stage2._kept.text().startswith(f"{kept} of {count} patches kept")
        for engine in ("dense", "gather"):
            cascade._engine.activated.emit(["auto", "dense", "gather"].index(engine))
            same = settled(studio)
            assert same.engine == engine and np.array_equal(same.mask, made.mask)
            assert [d.kept.tolist() for d in same.decisions] == [d.kept.tolist() for d in made.decisions]
        QTest.mouseClick(cascade.reset, Qt.MouseButton.LeftButton)
        assert session.sparsity == Sparsity() and settled(studio).kept == {"3": 0.75, "2": 0.5}

    assert run_studio([str(sample)], drive) == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_views_show_the_tensors_of_the_network(sample: Path, run_studio: RunStudio) -> None:
    """Worker, session, strip, canvas and panels against the network in this process, number by number."""
    predictor = Predictor.from_file(None)

    def drive(studio: Studio) -> None:
        session, window = studio.session, studio.window
        window.resize(1400, 900)
        session.go_to(22)
        made, frame = settled(studio), session.frame
        assert frame is not None
        features = session.predictions.features
        wait(lambda: features.current is not None, "the features")
        expected = predictor.predict(frame.pixels, session.sparsity, session.engine)
        examined = predictor.examine()
        assert_same_prediction(made, expected)
        assert features.current is not None and features.current.padded_shape == examined.padded_shape
        for got, wanted in zip(features.current.maps, examined.maps, strict=True):
            assert got.name == wanted.name
            np.testing.assert_allclose(got.values, wanted.values, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(got.channels, wanted.channels, rtol=1e-4, atol=1e-5)

        # A click on a step lays its map over the frame, cell by cell; the value under the pointer is that of the cell.
        x, y = 201, 77
        window.workspace.canvas.pointer_moved.emit(Pointer(x, y))
        titles = {name: name for name in ("B2", "B3", "B4")}
        titles |= {"joined 4": "Before 4", "F4": "After 4", "joined 3": "Before 3", "F3": "After 3"}
        assert titles.keys() <= {one.name for one in examined.maps}
        for one in examined.maps:
            if one.name in titles:
                card = window.stages.cards[titles[one.name]]
                click(studio, card)
                cells = one.values.shape
                drawn = window.workspace.layers.raster(one.name).pixels
                values = stretched(features_of(session, one.name))
                assert drawn is not None and np.array_equal(
                    drawn, heat_rgba(values, padded_shape=cells, shape=cells, opacity=1.0)
                )
                stride = examined.padded_shape[0] // cells[0]
                assert float(card.value) == pytest.approx(float(one.values[y // stride, x // stride]), rel=6e-3)
                click(studio, card)
                assert not session.display.visible(one.name)
        for attention in expected.attentions:
            card = window.stages.cards[f"Attention {attention.stage}"]
            cell = attention.spatial[y >> attention.stage, x >> attention.stage]
            assert float(card.value) == pytest.approx(float(cell), rel=6e-3)
            bars = window.cascade._bars[attention.stage]._bars.opts["height"]
            np.testing.assert_allclose(bars, attention.channel, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(window.stages.channels[attention.stage].weights, attention.channel, rtol=1e-4)
        for decision in expected.decisions:
            card = window.stages.cards[f"Decide {decision.decided_at} → {decision.applies_to}"]
            layer = window.workspace.layers.patches(f"patches{decision.applies_to}")
            assert not layer.isVisible()
            click(studio, card)
            assert layer.isVisible() and card.isChecked()
            assert layer._decision is not None and np.array_equal(layer._decision.kept, decision.kept)
            np.testing.assert_allclose(
                layer._decision.keep_probability, decision.keep_probability, rtol=1e-4, atol=1e-5
            )
            height, width = frame.pixels.shape
            shaded = np.zeros((height, width), np.bool_)
            for box in layer.dropped:
                shaded[int(box.top()) : int(box.bottom()), int(box.left()) : int(box.right())] = True
            down = np.searchsorted(decision.row_edges, np.arange(height), side="right") - 1
            across = np.searchsorted(decision.column_edges, np.arange(width), side="right") - 1
            assert np.array_equal(shaded, ~decision.kept[np.ix_(down, across)])
            assert float(card.value) == pytest.approx(float(decision.keep_probability[down[y], across[x]]), rel=6e-3)
        card, heat = window.stages.cards["Probability"], window.workspace.layers.raster("probability")
        click(studio, card)
        assert heat.isVisible() and card.isChecked() and heat.pixels is not None
        np.testing.assert_allclose(heat.pixels[..., 3], 255 * expected.probability, atol=0.6)  # opacity is the value
        assert float(card.value) == pytest.approx(float(expected.probability[y, x]), rel=6e-3)
        click(studio, card)
        assert not heat.isVisible()
        assert_costs(studio, made)
        drawn_mask = window.workspace.layers.mask("mask").mask
        assert drawn_mask is not None and np.array_equal(drawn_mask, expected.mask)
        assert window.stages.cards["Mask"].value == str(int(expected.mask[y, x]))

        # Forced patches: the engine with that mask says what the window shows.
        QTest.keyClick(window.workspace.canvas, Qt.Key.Key_P)
        rows, columns = made.decisions[1].row_edges, made.decisions[1].column_edges
        dropped, kept = np.argwhere(~made.decisions[1].kept)[0], np.argwhere(made.decisions[1].kept)[-1]
        canvas = window.workspace.canvas
        for row, column in (dropped, kept):
            place = canvas.position_of(float(columns[column]) + 7, float(rows[row]) + 7).toPoint()
            QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
            settled(studio)
        forced = settled(studio)
        assert len(session.sparsity.forced) == 3  # one kept for both stages, one dropped
        with_mask = predictor.predict(frame.pixels, session.sparsity, session.engine)
        assert_same_prediction(forced, with_mask)
        changed = [(d.kept != before.kept).sum() for d, before in zip(forced.decisions, made.decisions, strict=True)]
        assert forced.decisions[1].kept[tuple(dropped)] and not forced.decisions[1].kept[tuple(kept)]
        assert changed[1] >= 2 and not np.array_equal(forced.probability, made.probability)

    assert run_studio([str(sample)], drive) == 0


def click(studio: Studio, card: StageCard) -> None:
    studio.window.stages.ensureWidgetVisible(card)
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)


def assert_costs(studio: Studio, made: Prediction) -> None:
    """Every card says what its stages took and saved, the last one what all did; cards without stages say nothing."""
    costs = {one.name: one for one in made.stages}
    assert len(costs) == len(made.stages) > 10 and costs.keys() <= {name for names in COSTS.values() for name in names}
    for title, card in studio.window.stages.cards.items():
        names = costs if title == "Mask" else COSTS.get(title, ())
        parts = [costs[name] for name in names if name in costs]
        if not parts:
            assert card.cost == ()
            continue
        dense, done = sum(one.gflop_dense for one in parts), sum(one.gflop_done for one in parts)
        taken, (work, unit) = card.cost[0].removesuffix(" ms"), card.cost[1].split()
        assert float(taken) == pytest.approx(1000 * sum(one.seconds for one in parts), abs=0.051)
        assert float(work) / {"GFLOP": 1, "MFLOP": 1000}[unit] == pytest.approx(done, abs=0.0051, rel=0.01)
        saved = float(card.cost[2].removesuffix(" % saved")) if len(card.cost) > 2 else 0.0
        assert saved == pytest.approx(100 * (1 - done / dense), abs=0.51)


def features_of(session: Session, name: str) -> FloatMap:
    strength = session.predictions.features.map(name)
    assert strength is not None
    return strength.values


def assert_same_prediction(got: Prediction, expected: Prediction) -> None:
    np.testing.assert_allclose(got.probability, expected.probability, atol=1e-4)
    for mine, theirs in zip(got.decisions, expected.decisions, strict=True):
        assert np.array_equal(mine.kept, theirs.kept)
        for name in ("keep_probability", "class_probability", "iou_score"):
            np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), atol=1e-4)
    for one, other in zip(got.attentions, expected.attentions, strict=True):
        np.testing.assert_allclose(one.channel, other.channel, atol=1e-4)
        np.testing.assert_allclose(one.spatial, other.spatial, atol=1e-4)


def assert_kept_above(made: Prediction, stage3: float, stage2: float) -> None:
    first, second = made.decisions
    assert np.array_equal(first.kept, first.keep_probability > np.float32(stage3))
    assert np.array_equal(second.kept, first.kept & (second.keep_probability > np.float32(stage2)))
    assert 0 < second.kept.sum() < first.kept.sum() < first.kept.size
