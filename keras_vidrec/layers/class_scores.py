import keras
from keras import ops

from keras_vidrec.specs.clip_spec import ClipSpec

ACTIVATIONS = (None, "softmax")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ClassScores(keras.layers.Layer):
    """The last layer of every network: class scores, and what they mean.

    Applies the activation to the class logits, in float32 under any dtype
    policy, and carries the names of the classes and the `ClipSpec` of the
    network in its config, so that both survive checkpoints, `.keras` files
    and any re-save. `keras_vidrec.describe(model)` returns them.

    Masking: passes through.

    Args:
        activation: `None` (logits pass) or `"softmax"`. Defaults to
            `"softmax"`.
        class_names: `None`, or sequence of different str, one a class, in
            the order of the scores. Defaults to `None` (not known yet).
        clip_spec: `None`, `ClipSpec`, or its `to_dict()`. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Logits `(batch, ..., classes)`.

    Output shape:
        Same as the input, float32.

    Raises:
        ValueError: if `activation` is unknown, class names repeat, or their
            number is not the number of classes.

    Example:

    >>> layer = keras_vidrec.layers.ClassScores(class_names=("jump", "run"))
    >>> layer(np.zeros((1, 2))).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(
        self, activation="softmax", class_names=None, clip_spec=None, **kwargs
    ):
        super().__init__(autocast=False, **kwargs)
        if activation not in ACTIVATIONS:
            raise ValueError(
                "Invalid value received for argument `activation`. Expected "
                f"one of {ACTIVATIONS}. Received: activation={activation!r}"
            )
        self.supports_masking = True
        self.activation = activation
        self.classes = None
        self.class_names = class_names
        self.clip_spec = clip_spec

    @property
    def class_names(self):
        """Tuple of str, one a class, or None."""
        return self._class_names

    @class_names.setter
    def class_names(self, names):
        if names is not None:
            names = tuple(str(name) for name in names)
            if len(set(names)) != len(names):
                raise ValueError(
                    "Expected different names for different classes. "
                    f"Received: class_names={names}"
                )
            self._check_number(names, self.classes)
        self._class_names = names

    @property
    def clip_spec(self):
        """`ClipSpec`, or None."""
        return self._clip_spec

    @clip_spec.setter
    def clip_spec(self, spec):
        if isinstance(spec, dict):
            spec = ClipSpec.from_dict(spec)
        self._clip_spec = spec

    def build(self, input_shape):
        self.classes = input_shape[-1]
        if self.class_names is not None:
            self._check_number(self.class_names, self.classes)

    def call(self, inputs):
        logits = ops.cast(inputs, "float32")
        if self.activation == "softmax":
            return ops.softmax(logits, axis=-1)
        return logits

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype="float32")

    def get_config(self):
        spec = self.clip_spec
        return {
            **super().get_config(),
            "activation": self.activation,
            "class_names": self.class_names,
            "clip_spec": None if spec is None else spec.to_dict(),
        }

    @staticmethod
    def _check_number(names, classes):
        if classes is not None and len(names) != classes:
            raise ValueError(
                f"Expected one name for each of the {classes} classes. "
                f"Received: {len(names)} class_names={names}"
            )
