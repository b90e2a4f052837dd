"""The steps of one training run: network, optimiser and weight average."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from adsnet.config import TrainConfig, to_dict
from adsnet.errors import TrainingError
from adsnet.model.weights import load_any
from adsnet.processes import Processes
from adsnet.sparse.choose import choose_device, has_fast_bf16
from adsnet.training.checkpoint import save_checkpoint
from adsnet.training.crops import Batch, CropSource
from adsnet.training.log import NoLog, RunLog
from adsnet.training.mistakes import Place
from adsnet.training.prefetch import Prefetched
from adsnet.training.schedule import averages_plainly, learning_rate, make_optimiser, renewed_statistics, update_average
from adsnet.training.trained import seed_step, trained_of

STATISTICS_BATCHES = 300
"""Batches of crops for the statistics of a plain average of weights; from 60, Fa varies by chance."""


@dataclass(frozen=True)
class Step:
    """One step is done.

    ``losses`` by term; ``seconds_left`` estimated from the steps so far; ``images_per_second`` of all processes;
    ``waiting``: share of the time that was spent waiting for crops.
    """

    iteration: int
    iterations: int
    losses: dict[str, float]
    seconds_left: float
    images_per_second: float
    waiting: float


class Trainer:
    """Network, optimiser and weight average, and how they are stepped, saved and restored."""

    def __init__(
        self,
        config: TrainConfig,
        init: Path | None,
        out: Path,
        processes: Processes,
        *,
        state: dict[str, Any] | None,
        frames: str,
        mistakes: list[list[list[Place]]],
    ) -> None:
        """``state``: the checkpoint to go on from. ``frames``: what identifies the data of the run.

        ``mistakes``: kept in the checkpoints, since another machine might find a place more or less.
        """
        self.frames = frames
        self.mistakes = mistakes
        self.processes = processes
        self.config = config
        self.out = out
        self.iteration = 0
        self.device = choose_device("auto")
        torch.manual_seed(config.seed)
        self.trained = trained_of(config)
        network = load_any(init)[0] if init is not None else self.trained.make()
        # Channels-last is the memory order that the CPU's and the GPU's bf16 convolutions work in.
        self.network: nn.Module = network.train().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if processes.count > 1 and self.device.type == "cuda":  # torch has none for CPUs
            self.network = nn.SyncBatchNorm.convert_sync_batchnorm(self.network)  # type: ignore[no-untyped-call]
        self.average = copy.deepcopy(self.network).eval()
        if config.freeze_statistics:
            for layer in self.network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        self.optimiser = make_optimiser(self.network, config)
        self.autocast = config.precision == "bf16" and has_fast_bf16(self.device)
        if state is not None:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.iteration = int(state["iteration"])
        self.parallel = self.network if processes.count == 1 else DistributedDataParallel(self.network)

    def steps(self, source: CropSource, should_stop: Callable[[], bool]) -> Iterator[Step]:
        """All remaining steps, with checkpoints in between and at the end."""
        start, began = self.iteration, time.perf_counter()
        crops = self.config.batch * self.processes.count
        batches = Prefetched(
            lambda iteration: source.batch(iteration, self.processes),
            range(start, self.config.iterations),
            self.config.workers,
        )
        with closing(RunLog(self.out, kept=start) if self.processes.first else NoLog()) as log:
            for batch in batches:
                losses = self._step(batch)
                self.iteration += 1
                seconds = time.perf_counter() - began
                rate = seconds / (self.iteration - start)
                left = self.config.iterations - self.iteration
                speed = crops / rate, batches.waited / seconds
                log.append(self.iteration, losses, *speed)
                yield Step(self.iteration, self.config.iterations, losses, rate * left, *speed)
                stop = self.processes.any(should_stop())
                if self.processes.first and (stop or not left or self.iteration % self.config.checkpoint_every == 0):
                    log.sync()
                    self._save()
                if stop:
                    return

    def _step(self, batch: Batch) -> dict[str, float]:
        rate = learning_rate(self.config, self.iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        batch = self._placed(batch)
        seed_step(self.config.seed, self.iteration, self.processes.rank)
        output = self._output(self.parallel, batch)
        terms = self.trained.terms(output, batch.labels, self._mean)
        self.optimiser.zero_grad(set_to_none=True)
        terms["total"].backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_gradient)
        losses = dict(zip(terms, self._mean(torch.stack(list(terms.values()))).tolist(), strict=True))
        if not (math.isfinite(losses["total"]) and math.isfinite(norm.item())):
            raise TrainingError(
                f"the loss is no longer finite at iteration {self.iteration + 1} of {self.out}; train again in a new "
                "--out folder with a lower learning rate"
            )
        self.optimiser.step()
        update_average(self.average, self.network, self.config, self.iteration)
        return {**{name: round(loss, 6) for name, loss in losses.items()}, "learning_rate": rate}

    @property
    def needs_statistics(self) -> bool:
        """Whether ``renew_statistics`` has anything to do; it then takes a while."""
        return averages_plainly(self.config, self.iteration) and not self.config.freeze_statistics

    def renew_statistics(self, source: CropSource) -> None:
        """Give a plain average of weights running statistics of its own, from crops of ``source``; before it is used.

        Those in it are of the network of the last step: near enough for an exponential average at a small rate only.
        Hard crops are left out: frames that the network will be shown are not chosen for its mistakes.
        """
        if self.needs_statistics:
            with torch.no_grad(), renewed_statistics(self.average):
                for number in range(self.iteration, self.iteration + STATISTICS_BATCHES):
                    self._output(self.average, self._placed(source.batch(number, hard=False)))

    def _placed(self, batch: Batch) -> Batch:
        frames, labels, noise = (tensor.to(self.device) for tensor in batch)
        return Batch(frames.contiguous(memory_format=torch.channels_last), labels, noise)

    def _output(self, network: nn.Module, batch: Batch) -> Any:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            return self.trained.output(network, batch)

    def _mean(self, value: Tensor) -> Tensor:
        """The mean over the processes; no gradient flows through it."""
        total = value.detach().clone()
        if self.processes.count > 1:
            distributed.all_reduce(total)
        return total / self.processes.count

    def _save(self) -> None:
        save_checkpoint(
            self.out,
            self.iteration,
            {
                "config": json.dumps(to_dict(self.config)),
                "frames": self.frames,
                "mistakes": self.mistakes,
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            },
        )
