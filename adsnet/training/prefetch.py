"""Batches that are made while the network computes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetched(Generic[T]):
    """The results of ``make`` for each number, in order, made ahead by ``workers`` threads.

    Threads are enough: numpy and OpenCV let go of the interpreter for most of the work, and frames need no copy.
    ``waited``: seconds that the consumer has spent waiting.
    """

    def __init__(self, make: Callable[[int], T], numbers: Iterable[int], workers: int) -> None:
        self._make, self._numbers, self._workers = make, numbers, workers
        self.waited = 0.0

    def __iter__(self) -> Iterator[T]:
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="batches")
        waiting: deque[Future[T]] = deque()
        try:
            for number in self._numbers:
                waiting.append(pool.submit(self._make, number))
                if len(waiting) > self._workers:
                    yield self._next(waiting)
            while waiting:
                yield self._next(waiting)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _next(self, waiting: deque[Future[T]]) -> T:
        began = time.perf_counter()
        result = waiting.popleft().result()
        self.waited += time.perf_counter() - began
        return result
