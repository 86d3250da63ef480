"""Keras' optimizers with updates by the mean gradient of the batch."""

import keras

from keras_vidrec.training.optimizers.mean_gradient import MeanGradient

# Nadam is left out because its state contains a running product besides the
# moments; ScheduleFreeAdamW, because its weights in a test differ from those in
# training.
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
    """Makes a subclass of a Keras optimizer with the clipping, the multipliers
    and the averages of `MeanGradient`. Its weight decay is decoupled, as in
    Keras."""
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
