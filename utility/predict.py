"""The public door to prediction, for other programs: `from utility.predict import Predictor`."""

from utility.prediction.predictor import Predictor

__all__ = ["Predictor"]
