"""How unsure a prediction is, as one number for a frame. Torch-free."""

from __future__ import annotations

import cv2
import numpy as np

from adsnet.prediction import FloatMap

NEAR = 2
"""Pixels around the mask that count too: where the edge of a target is decided."""


def uncertainty(probability: FloatMap, *, threshold: float = 0.5) -> float:
    """Mean binary entropy of the probabilities in and around the predicted mask, in bits.

    H(p) = −p·log₂ p − (1 − p)·log₂(1 − p), over the pixels at most ``NEAR`` rows and columns from the mask; where
    nothing is marked, from the highest probability. The background is left out, as it would drown everything else.

    Args:
        probability: (H, W) float32, 0..1.
        threshold: a pixel is in the mask above it.

    Returns:
        0 (sure) to 1 (each of those pixels at p = 0.5).
    """
    mask = probability > threshold
    if not mask.any():
        mask[np.unravel_index(int(probability.argmax()), probability.shape)] = True
    side = 2 * NEAR + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(np.bool_)
    p = np.clip(probability[near].astype(np.float64), 0.0, 1.0)
    terms = np.zeros((2, p.size))
    for term, share in zip(terms, (p, 1.0 - p), strict=True):
        np.log2(share, out=term, where=share > 0)
        term *= share
    return float(-terms.sum(axis=0).mean())
