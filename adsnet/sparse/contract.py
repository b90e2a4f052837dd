"""The contract that all sparse engines fulfil.

The network is written once against these six operations. ``Values`` is the engine's own form of a feature map at
the kept sites: (B, C, H, W) with zeros at dropped sites for the dense engine, (n, C) rows for the sparse ones. Sums,
ReLU and concatenation along dimension 1 work on both forms.

A submanifold convolution sees zeros at dropped sites. The dense reference therefore multiplies by the mask after
*every* convolution-normalisation-ReLU; this makes dense and sparse results equal.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from adsnet.model.layers import ConvBnRelu

Values = Tensor
Sites = Any
"""What an engine knows of the kept sites of one map; made by ``Engine.sites`` and only handed back to it."""


class Engine(Protocol):
    """Computes convolutions at kept sites only."""

    name: str

    def sites(self, keep: Tensor) -> Sites:
        """The kept sites of a map. ``keep``: (B, 1, H, W) float, 0 or 1."""
        ...

    def take(self, x: Tensor, sites: Sites) -> Values:
        """The values of the full map ``x`` (B, C, H, W) at the sites."""
        ...

    def take_upsampled(self, coarse: Tensor, sites: Sites) -> Values:
        """The values at the sites of the full map ``coarse`` (B, C, H/2, W/2), bilinearly enlarged by 2."""
        ...

    def take_convolved(self, x: Tensor, layer: ConvBnRelu, sites: Sites) -> Values:
        """``layer`` applied to the full map ``x`` (B, C, H, W), dropped sites included, evaluated at the sites."""
        ...

    def convolve(self, values: Values, layer: ConvBnRelu, sites: Sites) -> Values:
        """``layer`` as a submanifold convolution: dropped neighbours count as zero."""
        ...

    def project(self, values: Values, layer: nn.Conv2d, sites: Sites) -> Values:
        """A 1×1 convolution with bias at the sites."""
        ...

    def scatter(self, values: Values, sites: Sites) -> Tensor:
        """Back to a full map (B, C, H, W), zeros at dropped sites."""
        ...
