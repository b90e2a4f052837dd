"""The processes of a ``torchrun``: how many there are, which one this is, and what they exchange.

Torch's own distributed package does the work. A program that was started alone never touches it: until then, this
module is torch-free.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among ``count`` that do one job together; ``rank`` 0 speaks and writes for all."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one speaks and writes."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is true in any process."""
        return any(self.all([flag]))

    def wait(self) -> None:
        """Wait until all processes are here: what the first one wrote is there then."""
        if self.count > 1:
            import torch.distributed as dist

            dist.barrier()

    def all(self, values: list[T]) -> list[T]:
        """The values of all processes in the order of a round: the first of each, then the second of each, and so on.

        What was dealt out as ``values[rank::count]`` is put together again. They must be of a kind that pickle takes.
        """
        if self.count == 1:
            return list(values)
        import torch.distributed as dist

        parts: list[list[T]] = [[] for _ in range(self.count)]
        dist.all_gather_object(parts, list(values))
        longest = max(map(len, parts))
        return [part[i] for i in range(longest) for part in parts if i < len(part)]


ALONE = Processes()


@contextmanager
def connected() -> Iterator[Processes]:
    """The processes that ``torchrun`` started together with this one, ``ALONE`` without it.

    NCCL connects GPUs, one for each process; gloo connects CPUs.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    from adsnet.sparse.choose import cuda_works

    if cuda_works():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl")
    else:
        dist.init_process_group("gloo")
    try:
        yield Processes(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()


def leave(status: int) -> NoReturn:
    """End this process with an exit status when all of its files are closed.

    One of several skips the end of the interpreter: a thread of gloo may be late to let go of what was exchanged last,
    and asking for the interpreter then aborts the whole process (pytorch/pytorch#179291).
    """
    if "WORLD_SIZE" in os.environ:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
