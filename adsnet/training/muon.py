"""Muon for kernels and AdamW for the other weights, as one optimiser."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def kernels_and_others(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weights of a network with rows and columns, and its biases and scales."""
    weights = list(network.parameters())
    return [p for p in weights if p.dim() > 1], [p for p in weights if p.dim() <= 1]


class KernelsByMuon:
    """Steps the kernels of a network by Muon (Jordan et al. 2024) and its biases and scales by AdamW.

    A kernel of O output channels is a matrix of O rows: torch's Muon takes nothing else. Its steps are made as large as
    those of AdamW, by their root mean square (Liu et al. 2025), so that one learning rate serves both.
    """

    def __init__(self, network: nn.Module, rate: float, weight_decay: float) -> None:
        """``weight_decay`` acts on kernels only."""
        self._kernels, others = kernels_and_others(network)
        self._matrices = [nn.Parameter(kernel.detach().flatten(1).clone()) for kernel in self._kernels]
        kernels = [{"params": self._matrices}]
        self._muon = torch.optim.Muon(kernels, lr=rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self._adamw = torch.optim.AdamW([{"params": others}], lr=rate, weight_decay=0.0, fused=True)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of both; ``lr`` may be set."""
        return [*self._muon.param_groups, *self._adamw.param_groups]

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients of the network."""
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            matrix.copy_(kernel.flatten(1))
            matrix.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        self._muon.step()  # type: ignore[no-untyped-call]
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            kernel.copy_(matrix.view(kernel.shape))
        self._adamw.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the network."""
        for kernel in self._kernels:
            kernel.grad = None
        self._adamw.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` takes."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the momenta of another optimiser of such a network."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])
