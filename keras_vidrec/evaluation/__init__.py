"""Tests of trained networks, scores, and predictions."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.evaluation.calibrator import Calibrated as Calibrated
    from keras_vidrec.evaluation.calibrator import calibrate as calibrate
    from keras_vidrec.evaluation.evaluator import evaluate as evaluate
    from keras_vidrec.evaluation.evaluator import score as score
    from keras_vidrec.evaluation.predictor import Prediction as Prediction
    from keras_vidrec.evaluation.predictor import Predictor as Predictor
    from keras_vidrec.evaluation.predictor import Unread as Unread
    from keras_vidrec.evaluation.scores.comparison import compare as compare
    from keras_vidrec.evaluation.scores.fusion import fuse as fuse
    from keras_vidrec.evaluation.scores.metrics import summary as summary
    from keras_vidrec.evaluation.scores.score_file import Scores as Scores
    from keras_vidrec.evaluation.segments import Merging as Merging
    from keras_vidrec.evaluation.segments import Segment as Segment
    from keras_vidrec.evaluation.segments import merge as merge

# Modules that work on scores do not import Keras.
__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Calibrated": "evaluation.calibrator",
        "Merging": "evaluation.segments",
        "Prediction": "evaluation.predictor",
        "Predictor": "evaluation.predictor",
        "Scores": "evaluation.scores.score_file",
        "Segment": "evaluation.segments",
        "Unread": "evaluation.predictor",
        "calibrate": "evaluation.calibrator",
        "compare": "evaluation.scores.comparison",
        "evaluate": "evaluation.evaluator",
        "fuse": "evaluation.scores.fusion",
        "merge": "evaluation.segments",
        "score": "evaluation.evaluator",
        "summary": "evaluation.scores.metrics",
    },
)
