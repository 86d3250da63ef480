"""From a trained network to figures."""

from keras_vidrec.evaluation.comparison import compare
from keras_vidrec.evaluation.evaluator import evaluate
from keras_vidrec.evaluation.evaluator import score
from keras_vidrec.evaluation.evaluator import summary
from keras_vidrec.evaluation.fusion import fuse
from keras_vidrec.evaluation.predictor import Prediction
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.evaluation.score_file import Scores

__all__ = [
    "Prediction",
    "Predictor",
    "Scores",
    "compare",
    "evaluate",
    "fuse",
    "score",
    "summary",
]
