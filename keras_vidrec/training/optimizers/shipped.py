"""The optimizers that Keras ships, by the mean gradient of the batch."""

import keras

from keras_vidrec.training.optimizers.mean_gradient import MeanGradient

# Left out are Nadam, which counts beside its moments how far they have come,
# and ScheduleFreeAdamW, whose weights are others in a test than in training.
_NAMES = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adamax",
    "AdamW",
    "Ftrl",
    "Lamb",
    "Lion",
    "Muon",
)


def _mixed(name):
    """A class of Keras with the bounds, the multipliers and the average of
    `MeanGradient`, whose decay is that of the class: decoupled."""
    kind = getattr(keras.optimizers, name)

    def __init__(self, *args, weight_decay=0.0, **kwargs):
        MeanGradient.__init__(self, *args, weight_decay=weight_decay, **kwargs)

    made = type(
        f"Mean{name}",
        (MeanGradient, kind),
        {
            "__doc__": f"`keras.optimizers.{name}` with `MeanGradient`.",
            "__init__": __init__,
            "__module__": __name__,
            "decays_apart": True,
        },
    )
    return keras.saving.register_keras_serializable("keras_vidrec")(made)


SHIPPED = {name.lower(): _mixed(name) for name in _NAMES}
