"""From a trained network to figures."""

import importlib

_MODULES = {
    "Prediction": "predictor",
    "Predictor": "predictor",
    "Scores": "scores.score_file",
    "compare": "scores.comparison",
    "evaluate": "evaluator",
    "fuse": "scores.fusion",
    "score": "evaluator",
    "summary": "scores.metrics",
}


def __getattr__(name):
    # Few modules need Keras: nobody pays for it who has scores already.
    if name in _MODULES:
        module = importlib.import_module(
            f"keras_vidrec.evaluation.{_MODULES[name]}"
        )
        return getattr(module, name)
    raise AttributeError(
        f"module 'keras_vidrec.evaluation' has no attribute {name!r}"
    )


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
