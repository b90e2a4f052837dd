"""The contract that all sparse engines fulfil.

The network is written once against these operations. ``Values`` is the engine's own form of a feature map at the
kept sites: the full map (B, C, H, W) with zeros at dropped sites for the dense engine, a batch of kept patches
(n, C, h, w) for the sparse ones. Sums, ReLU and concatenation along dimension 1 work on both forms.

A submanifold convolution sees zeros at dropped sites. The dense reference therefore multiplies by the mask after
*every* convolution-normalisation-ReLU; this makes dense and sparse results equal.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from adsnet.model.layers import Convolution

Values = Tensor
Patches = Any
"""What an engine knows of one decision mask; made by ``Engine.patches`` and only handed back to it."""

Sites = Any
"""What an engine knows of the kept sites of one map; made by ``Engine.sites`` and only handed back to it."""

USUAL_CHANNELS = 32


class Engine(Protocol):
    """Computes convolutions at kept sites only."""

    name: str

    def patches(self, keep: Tensor) -> Patches:
        """The kept patches of a decision mask (B, 1, Hm, Wm) float, 0 or 1. Several maps may share them."""
        ...

    def sites(self, patches: Patches, height: int, width: int, channels: int = USUAL_CHANNELS) -> Sites:
        """The kept sites of a map of ``height`` × ``width``; row r lies in patch row r · Hm // height.

        ``channels`` of the convolutions to come, for an engine that weighs their cost.
        """
        ...

    def take(self, x: Tensor, sites: Sites) -> Values:
        """The values of the full map ``x`` (B, C, H, W) at the sites."""
        ...

    def take_upsampled(self, coarse: Tensor, sites: Sites) -> Values:
        """The values at the sites of the full map ``coarse`` (B, C, H/2, W/2), bilinearly enlarged by 2."""
        ...

    def enlarge(self, values: Values, sites: Sites, finer: Sites) -> Values:
        """The map of ``values``, zeros at dropped sites, bilinearly enlarged by 2, at the sites ``finer``.

        ``finer``: the sites of the same patches on a map twice as fine.
        """
        ...

    def take_convolved(self, x: Tensor, layer: Convolution, sites: Sites) -> Values:
        """``layer`` applied to the full map ``x`` (B, C, H, W), dropped sites included, evaluated at the sites."""
        ...

    def convolve(self, values: Values, layer: Convolution, sites: Sites) -> Values:
        """``layer`` as a submanifold convolution: dropped neighbours count as zero."""
        ...

    def project(self, values: Values, layer: nn.Conv2d, sites: Sites) -> Values:
        """A 1×1 convolution with bias at the sites."""
        ...

    def add_to(self, x: Tensor, values: Values, sites: Sites) -> Tensor:
        """The full map ``x`` (B, C, H, W) plus ``values`` at the sites; ``x`` may be overwritten."""
        ...

    def scatter(self, values: Values, sites: Sites, fill: float = 0.0) -> Tensor:
        """Back to a full map (B, C, H, W), ``fill`` at dropped sites."""
        ...
