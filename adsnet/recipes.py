"""The named configurations of training. Torch-free, so that the window and the command line can read them at once."""

from __future__ import annotations

from dataclasses import replace

from adsnet.config import FAST_MODEL, PAPER_LOSS, PAPER_MODEL, LossConfig, TrainConfig

PAPER_TRAINING = TrainConfig(
    model=PAPER_MODEL,
    loss=PAPER_LOSS,
    iterations=50_000,
    batch=16,
    crop=256,
    optimiser="sgd",
    learning_rate=0.02,
    weight_decay=1e-4,
    schedule="steps",
    warmup=0.08,
    ema=0.0,
    precision="fp32",
)

UPRIGHT_TRAINING = TrainConfig(iterations=30_000, scaled_crops=0.0, turned_crops=0.0)
"""Crops as they are, for sets whose masks lie beside their targets by a constant part of a pixel, as in NUDT-SIRST.

Turned, such crops contradict each other about every outline.
"""

REFINING = TrainConfig(
    loss=LossConfig(soft_iou=3.0),
    iterations=24_000,
    turned_crops=0.5,
    keep_offsets=True,
    mirrored_backgrounds=1.0,
    swapped_targets=0.3,
    calibrate=True,
    checkpoint_every=500,
)
"""What a network of the configuration ``default`` is trained further with, on the same frames."""

FINDING = replace(REFINING, loss=replace(REFINING.loss, found=0.3), iterations=7_000, learning_rate=1e-3)
"""What a refined network is trained further with: targets that the decisions keep and the mask loses."""

HARDENING = replace(FINDING, iterations=1_000, hard_crops=0.25, blend=0.5)
"""What the network of FINDING is trained further with: the places where it is wrong."""

MUON_TRAINING = replace(FINDING, iterations=12_000, optimiser="muon", learning_rate=8e-3)
"""All that FINDING has, from nothing: with Muon, a quarter of the steps of those before it come nearly as far."""

FURTHER = replace(MUON_TRAINING, iterations=2_000, learning_rate=3e-3, hard_crops=0.1, blend=0.5, checkpoint_every=250)
"""What the network of HARDENING is trained further with: Muon, also where it is wrong."""

WANDERING = replace(
    MUON_TRAINING,
    iterations=12_500,
    schedule="constant",
    warmup=0.05,
    average_from=0.5,
    faded_targets=0.2,
    calibrate=False,
    checkpoint_every=250,
)
"""From nothing: at a rate that stays large the weights wander, and their mean is better than any of them."""

SETTLING = replace(
    WANDERING,
    iterations=5_500,
    learning_rate=4e-3,
    warmup=0.08,
    average_from=0.45,
    hard_crops=0.1,
    calibrate=True,
    seed=4,
)
"""What the network of WANDERING is trained further with: the same at half of the rate, often where it is wrong."""

WANDERING_AGAIN = replace(WANDERING, iterations=10_000, hard_crops=0.05, seed=11)
"""What the network of SETTLING is trained further with."""

SETTLING_AGAIN = replace(SETTLING, iterations=6_000, average_from=0.4, blend=0.8, seed=12)
"""What the network of WANDERING_AGAIN is trained further with, which makes the default model."""

FINE_TUNING = TrainConfig(
    loss=FINDING.loss,
    iterations=200,
    batch=4,
    crop=192,
    optimiser="muon",
    learning_rate=2e-3,
    ema=0.9,
    blend=0.75,
    checkpoint_every=50,
    sampling="sets",
    freeze_statistics=True,
)
"""A few corrected frames beside a trained model: no statistics from four crops at a time, and a quarter of each weight
stays what it was, so that the rest of the world is not forgotten."""

NAMED_CONFIGS: dict[str, TrainConfig] = {
    "default": TrainConfig(),
    "fast": TrainConfig(model=FAST_MODEL),
    "find": FINDING,
    "fine-tune": FINE_TUNING,
    "further": FURTHER,
    "harden": HARDENING,
    "muon": MUON_TRAINING,
    "paper": PAPER_TRAINING,
    "refine": REFINING,
    "settle": SETTLING,
    "settle-again": SETTLING_AGAIN,
    "upright": UPRIGHT_TRAINING,
    "wander": WANDERING,
    "wander-again": WANDERING_AGAIN,
}

PLANS: dict[str, tuple[str, ...]] = {"adsnet-default": ("wander", "settle", "wander-again", "settle-again")}
"""The configurations that made a shipped model, each of which goes on from the one before."""
