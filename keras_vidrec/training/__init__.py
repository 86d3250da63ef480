"""From a recipe to a trained network."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.applications.parts.head import (
        inference_model as inference_model,
    )
    from keras_vidrec.training import recipes as recipes
    from keras_vidrec.training.freezing import (
        partial_batch_norm as partial_batch_norm,
    )
    from keras_vidrec.training.optimizers.solvers import CaffeSGD as CaffeSGD
    from keras_vidrec.training.optimizers.solvers import (
        MatConvNetSGD as MatConvNetSGD,
    )
    from keras_vidrec.training.optimizers.solvers import TorchSGD as TorchSGD
    from keras_vidrec.training.recipes.recipe import Recipe as Recipe
    from keras_vidrec.training.run import Run as Run
    from keras_vidrec.training.trainer import train as train

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "CaffeSGD": "training.optimizers.solvers",
        "MatConvNetSGD": "training.optimizers.solvers",
        "Recipe": "training.recipes.recipe",
        "Run": "training.run",
        "TorchSGD": "training.optimizers.solvers",
        "inference_model": "applications.parts.head",
        "partial_batch_norm": "training.freezing",
        "recipes": None,
        "train": "training.trainer",
    },
)
