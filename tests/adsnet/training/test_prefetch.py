"""Batches made ahead: in order, none lost, and errors come out where they belong."""

from __future__ import annotations

import threading
import time

import pytest

from adsnet.training.prefetch import Prefetched


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order(workers: int) -> None:
    def make(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(Prefetched(make, range(20), workers)) == [n * n for n in range(20)]


def test_the_next_one_is_made_while_this_one_is_used() -> None:
    made = threading.Event()

    def make(number: int) -> int:
        if number == 1:
            made.set()
        return number

    results = iter(Prefetched(make, range(3), 1))
    assert next(results) == 0
    assert made.wait(10)


def test_waiting_is_counted() -> None:
    slow = Prefetched(lambda number: time.sleep(0.02), range(3), 1)
    list(slow)
    assert slow.waited > 0.02


def test_an_error_comes_out_at_its_place() -> None:
    results = iter(Prefetched(lambda number: 1 // (2 - number), range(5), 1))
    assert next(results) == 0 and next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_early_end_makes_nothing_more() -> None:
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    results = iter(Prefetched(make, range(1000), 2))
    next(results)
    results.close()  # type: ignore[attr-defined]
    time.sleep(0.05)
    assert len(made) < 10
