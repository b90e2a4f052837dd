"""A network of either kind as a function from a frame to a prediction."""

from __future__ import annotations

from torch import nn

from adsnet.config import Sparsity
from adsnet.evaluation import PredictFrame
from adsnet.model.network import ADSNet
from adsnet.model_file import ModelCard
from adsnet.predictor import Predictor
from adsnet.rival_predictor import RivalPredictor

PAPER_SPARSITY = Sparsity()


def predict_frames(
    network: nn.Module, card: ModelCard, sparsity: Sparsity = PAPER_SPARSITY, *, precision: str = "fp32"
) -> PredictFrame:
    """How networks are judged and compared. ``sparsity`` is for ADSNet alone. Raises EngineError."""
    if not isinstance(network, ADSNet):
        return RivalPredictor(network, card, precision=precision).predict
    predictor = Predictor(network, card, precision=precision)
    return lambda pixels: predictor.predict(pixels, sparsity)
