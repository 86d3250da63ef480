"""The face of `keras_vidrec.evaluation`, whose modules are imported late."""

import pytest

from keras_vidrec import evaluation
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import predictor
from keras_vidrec.evaluation.scores import comparison
from keras_vidrec.evaluation.scores import fusion
from keras_vidrec.evaluation.scores import metrics
from keras_vidrec.evaluation.scores import score_file


def test_public_names_are_those_of_the_modules():
    assert {name: getattr(evaluation, name) for name in evaluation.__all__} == {
        "Prediction": predictor.Prediction,
        "Predictor": predictor.Predictor,
        "Scores": score_file.Scores,
        "compare": comparison.compare,
        "evaluate": evaluator.evaluate,
        "fuse": fusion.fuse,
        "score": evaluator.score,
        "summary": metrics.summary,
    }
    with pytest.raises(AttributeError, match="no attribute 'fuze'"):
        evaluation.fuze
