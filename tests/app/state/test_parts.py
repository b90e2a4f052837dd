"""Display, notices, jobs, review, fine-tuning, predictions: the small models."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adsnet.config import Sparsity
from adsnet.messages import Evaluated, TrainProgress
from adsnet.prediction import Prediction
from app.state.display import OVERLAYS, Display
from app.state.fine_tune import FineTune
from app.state.jobs import Jobs
from app.state.notices import Notice, Notices
from app.state.predictions import PredictionKey, PredictionState, size_of
from app.state.review import ReviewState
from app.storage.settings import Settings

pytestmark = pytest.mark.usefixtures("qapp")


# ---- display ------------------------------------------------------------------------------------------------


def ramp(low: int, high: int) -> NDArray[np.uint16]:
    return np.linspace(low, high, 400).astype(np.uint16).reshape(20, 20)


def test_levels_follow_frames_until_locked_or_fixed() -> None:
    display = Display()
    told: list[int] = []
    display.levels_changed.connect(lambda: told.append(1))
    display.set_window("min_max")
    display.follow(ramp(100, 200), new_sequence=True)
    assert display.levels == (100, 200)
    display.follow(ramp(300, 500))
    assert display.levels == (300, 500)
    display.set_locked(True)
    display.follow(ramp(0, 10))
    assert display.levels == (300, 500)
    display.follow(ramp(0, 10), new_sequence=True)
    assert display.levels == (0, 10), "another sequence has other values"
    display.follow(ramp(50, 60))
    assert display.levels == (0, 10)
    display.set_locked(False)
    assert display.levels == (50, 60)
    display.set_levels(5, 3)
    assert display.window == "fixed" and display.levels == (3, 5)
    display.follow(ramp(0, 10))
    assert display.levels == (3, 5)
    before = len(told)
    display.set_levels(3, 5)
    assert len(told) == before, "the same again tells nobody"
    display.set_window("percentile")
    assert display.levels.low == 0


def test_no_frame_keeps_the_levels_and_garbage_is_made_usable() -> None:
    display = Display()
    display.follow(None, new_sequence=True)
    assert display.levels == (0, 255)
    display.set_levels(float("nan"), float("inf"))
    assert math.isfinite(display.levels.low) and display.levels.low < display.levels.high
    display.set_gamma(-3)
    assert display.gamma == 0.1


def test_overlays_and_brush() -> None:
    display = Display()
    told: list[str] = []
    sizes: list[int] = []
    display.overlay_changed.connect(told.append)
    display.brush_changed.connect(sizes.append)
    assert display.shown("label") and not display.visible("patches3")
    display.set_hidden(True)
    assert display.visible("label") and not any(display.shown(name) for name in OVERLAYS)
    display.set_hidden(False)
    display.set_visible("patches3", True)
    display.set_opacity("patches3", 7)
    display.set_outline_only(True)
    assert display.opacity("patches3") == 1.0
    assert told == ["", "", "patches3", "patches3", ""]
    for size in (0, 1000, 1000):
        display.set_brush_size(size)
    assert sizes == [64]
    for wrong in (lambda: display.set_visible("nothing", True), lambda: display.opacity("nothing")):
        with pytest.raises(KeyError):
            wrong()
    with pytest.raises(ValueError, match="jet"):
        display.set_colour_map("jet")
    with pytest.raises(ValueError, match="auto"):
        display.set_window("auto")


def test_sigma_gamma_clahe_and_aids_come_from_the_settings() -> None:
    display = Display()
    told: list[str] = []
    display.aid_changed.connect(told.append)
    display.levels_changed.connect(lambda: told.append("levels"))
    display.follow(ramp(100, 200), new_sequence=True)
    display.apply(
        Settings(window="sigma", sigmas=1.0, gamma=2.0, clahe=True, clahe_limit=5.0, minimap=False, pixel_grid=False)
    )
    values = ramp(100, 200).astype(float)
    assert display.levels == pytest.approx((values.mean() - values.std(), values.mean() + values.std()))
    assert display.gamma == 2.0 and display.clahe and display.clahe_limit == 5.0
    assert not display.aid("minimap") and not display.aid("grid")
    assert {"minimap", "grid", "levels"} <= set(told)
    display.set_sigmas(2.0)
    assert display.levels.high == pytest.approx(values.mean() + 2 * values.std())
    display.set_clahe_limit(99)
    assert display.clahe_limit == 16.0
    told.clear()
    display.set_clahe(True)
    display.set_aid("grid", False)
    assert told == []
    with pytest.raises(KeyError):
        display.set_aid("ruler", True)


def test_settings_do_not_undo_what_was_changed_by_hand() -> None:
    display = Display()
    first = Settings(brush_size=3, colour_map="ironbow")
    display.apply(first)
    assert display.brush_size == 3 and display.colour_map == "ironbow"
    display.set_brush_size(9)
    display.apply(Settings(brush_size=3, colour_map="viridis"), first)
    assert display.brush_size == 9 and display.colour_map == "viridis"


# ---- notices and jobs ---------------------------------------------------------------------------------------


def test_a_repeated_failure_is_told_once() -> None:
    notices = Notices()
    posted: list[Notice] = []
    withdrawn: list[str] = []
    notices.posted.connect(posted.append)
    notices.withdrawn.connect(withdrawn.append)
    for _ in range(40):
        notices.error("The disk is full.", key="save")
    notices.error("The disk is broken.", key="save")
    notices.info("Done.")
    notices.info("Done.")
    assert [one.text for one in posted] == ["The disk is full.", "The disk is broken.", "Done.", "Done."]
    assert [one.text for one in notices.current] == ["The disk is broken."]
    notices.withdraw("save")
    notices.withdraw("save")
    assert withdrawn == ["save"] and notices.current == ()
    notices.error("The disk is full.", key="save")
    assert len(posted) == 5


def test_jobs_come_and_go() -> None:
    jobs = Jobs()
    told: list[int] = []
    jobs.changed.connect(lambda: told.append(len(jobs.running)))
    first, second = jobs.start("open", "Opening a"), jobs.start("train", "Training")
    jobs.progress(second, fraction=0.5, seconds_left=3.0)
    assert jobs.running[1].fraction == 0.5 and jobs.running[1].text == "Training"
    assert jobs.busy("train") and not jobs.busy("load")
    jobs.finish(first)
    jobs.finish(first)
    jobs.progress(first, fraction=0.1)
    jobs.finish(0)
    assert told == [1, 2, 2, 1]


# ---- review -------------------------------------------------------------------------------------------------


def test_review_states_count_and_guide() -> None:
    review = ReviewState()
    changed: list[int] = []
    review.changed.connect(changed.append)
    review.start("abcd", states={"b": "reviewed", "c": "corrected", "d": "nonsense"}, labelled=["b"])
    assert [review.state(i) for i in range(4)] == ["new", "reviewed", "corrected", "new"]
    assert [review.has_label(i) for i in range(4)] == [False, True, False, False]
    assert review.next_to_do(0) == 2 and review.next_to_do(0, backwards=True) == 3
    review.set_predicted(0)
    review.set_predicted(1)
    review.set_predicted(2)
    assert [review.state(i) for i in range(4)] == ["predicted", "reviewed", "corrected", "new"]
    review.set_unsaved(2, True)
    review.set_unsaved(2, True)
    review.set_labelled(2)
    assert changed == [0, 2, 2] and review.unsaved(2)
    assert [review.count(state) for state in ("new", "predicted", "corrected", "reviewed")] == [1, 1, 1, 1]
    for index in (0, 2, 3):
        review.set_state(index, "reviewed")
    assert review.next_to_do(1) is None and review.count("reviewed") == 4
    review.start((), states={}, labelled=())
    assert len(review) == 0 and review.next_to_do(-1) is None and review.count("reviewed") == 0


# ---- fine-tuning --------------------------------------------------------------------------------------------


def progress(iteration: int, **losses: float) -> TrainProgress:
    return TrainProgress(1, iteration, 10, losses, 5.0)


def entry(frame: str, found: int, false: int, iou: float | None) -> dict[str, object]:
    return {"frame": frame, "targets": 2, "found": found, "false": false, "iou": iou}


def test_losses_stay_as_long_as_the_steps() -> None:
    tune = FineTune()
    tune.begin(iterations=10, run=Path("run"))
    tune.step(progress(1, total=3.0))
    tune.step(progress(2, total=2.0, extra=1.0))
    tune.step(progress(3, extra=1.5))
    assert tune.steps == [1, 2, 3]
    assert {name: len(values) for name, values in tune.losses.items()} == {"total": 3, "extra": 3}
    assert math.isnan(tune.losses["extra"][0]) and math.isnan(tune.losses["total"][2])
    tune.end("stopped", candidate=Path("c"))
    tune.begin(iterations=10, run=Path("other"))
    assert tune.steps == [] and tune.losses == {} and tune.candidate is None


def test_status_is_told_once_each() -> None:
    tune = FineTune()
    told: list[str] = []
    tune.status_changed.connect(told.append)
    tune.begin(iterations=3, run=Path("run"))
    tune.stopping()
    tune.stopping()
    assert tune.active
    tune.end("failed", text="It failed.", details="why")
    tune.stopping()
    assert (tune.text, tune.details, tune.candidate, tune.active) == ("It failed.", "why", None, False)
    tune.clear()
    assert told == ["running", "stopping", "failed", "idle"] and tune.text == ""


def test_the_worst_frame_is_first() -> None:
    tune = FineTune()
    before = tuple(entry(name, 1, 0, 0.5) for name in ("same", "lost", "false", "gained", "finer"))
    after = (
        entry("gained", 2, 0, 0.5),
        entry("finer", 1, 0, 0.8),
        entry("false", 1, 3, 0.5),
        entry("lost", 0, 0, None),
        entry("same", 1, 0, 0.501),
        entry("other", 1, 1, 0.1),
    )
    tune.score(Evaluated(1, "current", {}, before))
    assert tune.comparison() == ()
    tune.score(Evaluated(1, "candidate", {}, after))
    assert [(change.frame, change.verdict) for change in tune.comparison()] == [
        ("false", "worse"),
        ("lost", "worse"),
        ("same", "same"),
        ("finer", "better"),
        ("gained", "better"),
    ]


# ---- predictions --------------------------------------------------------------------------------------------


def prediction(*points: tuple[int, int], value: float = 0.9) -> Prediction:
    probability = np.zeros((8, 10), np.float32)
    for row, column in points:
        probability[row, column] = value
    return Prediction(probability, (), (), (16, 16), 0.1, "adsnet", "net", "dense")


def key(frame: str = "f") -> PredictionKey:
    return PredictionKey(frame, Sparsity(), "net", "auto")


def test_stale_answers_are_cached_but_not_shown() -> None:
    state = PredictionState()
    arrived: list[int] = []
    state.arrived.connect(lambda: arrived.append(1))
    first, second = state.next_generation(), state.next_generation()
    assert not state.take(first, key("old"), prediction((1, 1)))
    assert state.current is None and arrived == []
    assert state.take(second, key("new"), prediction((2, 2)))
    assert state.current is not None and arrived == [1]
    assert state.recall(key("old")) and state.targets[0].x == 1
    assert not state.recall(key("unknown")) and len(arrived) == 2
    assert not state.take(second, key("new"), prediction((3, 3))), "a recall makes answers on their way stale"


def test_targets_follow_the_threshold() -> None:
    state = PredictionState()
    told: list[float] = []
    state.threshold_changed.connect(told.append)
    assert state.targets == () and state.mask is None and state.target_at(1, 1) is None
    maps = prediction((1, 1), (1, 2)).probability.copy()
    maps[6, 7] = 0.3
    state.take(state.next_generation(), key(), Prediction(maps, (), (), (16, 16), 0.1, "a", "n", "d"))
    assert len(state.targets) == 1 and state.target_at(1.6, 0.8) == 0 and state.target_at(7, 6) is None
    state.set_threshold(0.2)
    state.set_threshold(0.2)
    assert len(state.targets) == 2 and state.target_at(7.4, 6.4) == 1 and told == [0.2]
    footprint = state.region(0)
    assert footprint.box == (1, 1, 2, 1) and footprint.pixels.all()
    with pytest.raises(IndexError):
        state.region(2)
    assert state.target_at(-5, 99) is None


def test_rejected_targets_are_left_out_until_restored() -> None:
    state = PredictionState()
    state.take(state.next_generation(), key(), prediction((1, 1), (5, 5)))
    told: list[int] = []
    state.rejected_changed.connect(lambda: told.append(len(state.rejected)))
    state.reject(0)
    accepted = state.accepted_mask()
    assert accepted is not None and np.argwhere(accepted).tolist() == [[5, 5]]
    state.restore(0)
    state.reject(1)
    state.clear()
    assert state.rejected == frozenset() and told == [1, 0, 1, 0]
    with pytest.raises(IndexError):
        state.reject(0)


def test_rejected_targets_stay_rejected_while_their_frame_is_shown() -> None:
    state = PredictionState()
    state.take(state.next_generation(), key(), prediction((5, 5)))
    state.reject(0)
    state.set_threshold(0.95)
    assert state.rejected == frozenset() == frozenset(state.targets)
    state.set_threshold(0.5)
    assert state.rejected == {0}
    state.take(state.next_generation(), key(), prediction((1, 1), (5, 5), (5, 6)))  # with other patches, say
    assert state.rejected == {1} and len(state.targets) == 2
    state.take(state.next_generation(), key("h"), prediction((1, 1), (5, 4), (5, 5), (5, 6)))
    state.reject(1)
    state.take(state.next_generation(), key("h"), prediction((1, 1), (5, 4), (5, 6)))
    assert state.rejected == {1, 2}, "both parts of it"
    state.restore(2)
    assert state.rejected == frozenset()
    state.reject(0)
    state.take(state.next_generation(), key("g"), prediction((5, 5)))
    assert state.rejected == frozenset()
    assert state.recall(key()) and state.rejected == frozenset()
    state.reject(1)
    state.forget()  # the file may be another one when it is opened again
    state.take(state.next_generation(), key(), prediction((1, 1), (5, 5)))
    assert state.rejected == frozenset()


def test_the_cache_is_limited_by_bytes() -> None:
    state = PredictionState(cache_bytes=2 * size_of(prediction()))
    for name in "abc":
        state.take(state.next_generation(), key(name), prediction())
    assert [state.recall(key(name)) for name in "abc"] == [False, True, True]
    state.take(state.next_generation(), key("c"), prediction((1, 1)))
    assert state.recall(key("b")), "the same key again takes no more"
    state.set_cache_bytes(0)
    assert not state.recall(key("b"))
    cleared: list[int] = []
    state.cleared.connect(lambda: cleared.append(1))
    state.forget()
    state.forget()
    assert cleared == [1]
