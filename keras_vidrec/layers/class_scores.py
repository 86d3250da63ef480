import collections.abc
import math
import typing

import keras
import numpy as np
import scipy.special
from keras import ops

from keras_vidrec.specs import THRESHOLD
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import Origin
from keras_vidrec.specs import TestProtocol
from keras_vidrec.specs import checks

ACTIVATIONS = (None, "softmax", "sigmoid")
FACTS = {
    "clip_spec": ClipSpec,
    "test_protocol": TestProtocol,
    "blueprint": Blueprint,
    "origin": Origin,
}


@keras.saving.register_keras_serializable(package="keras_vidrec")
class ClassScores(keras.layers.Layer):
    """The last layer of every network: class scores, class names and metadata.

    Applies the activation to the class logits, in float32 under any dtype
    policy, and stores the class names and the four facts of
    `keras_vidrec.specs` in its config, so that they are kept in checkpoints and
    `.keras` files, and when a model is saved again.
    `keras_vidrec.describe(model)` returns them.

    Masking: passes through.

    Args:
        activation: `None` (logits are not changed), `"softmax"` (one class per
            clip), or `"sigmoid"` (several labels per clip: one sigmoid for each
            class). Defaults to `"softmax"`.
        class_names: `None`, or sequence of different str, one per class, in the
            order of the scores. Defaults to `None` (not known yet).
        clip_spec: `None`, `ClipSpec`, or its `to_dict()`: the input clip.
            Defaults to `None`.
        test_protocol: `None`, `TestProtocol`, or its `to_dict()`: the test
            procedure. Defaults to `None`.
        blueprint: `None`, `Blueprint`, or its `to_dict()`: the network and its
            arguments. Defaults to `None`.
        origin: `None`, `Origin`, or its `to_dict()`: what the network was made
            from. Defaults to `None`.
        temperature: float > 0. Logits are divided by it before the softmax or
            sigmoid, to calibrate the probabilities. The order of the classes
            does not change. Defaults to `1.0`.
        thresholds: `None` (0.5 for all), or sequence of float in [0, 1], one
            per class: the class is present if its probability is at least the
            threshold. With `"sigmoid"` only. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Logits `(batch, ..., classes)`.

    Output shape:
        Same as the input, float32.

    Raises:
        ValueError: if `activation` is unknown, class names repeat, the number
            of names or thresholds is not the number of classes, the temperature
            is not positive, or thresholds are not in [0, 1] or given with
            another activation than `"sigmoid"`.

    Example:

    >>> layer = keras_vidrec.layers.ClassScores(class_names=("jump", "run"))
    >>> layer(np.zeros((1, 2))).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(
        self,
        activation: typing.Literal["softmax", "sigmoid"] | None = "softmax",
        class_names: collections.abc.Sequence[str] | None = None,
        clip_spec: ClipSpec | dict | None = None,
        test_protocol: TestProtocol | dict | None = None,
        blueprint: Blueprint | dict | None = None,
        origin: Origin | dict | None = None,
        temperature: float = 1.0,
        thresholds: collections.abc.Sequence[float] | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        checks.choice("activation", activation, ACTIVATIONS)
        self.supports_masking = True
        self.activation = activation
        self.classes: int | None = None
        self.class_names = class_names
        self.clip_spec = clip_spec
        self.test_protocol = test_protocol
        self.blueprint = blueprint
        self.origin = origin
        self.temperature = temperature
        self.thresholds = thresholds

    def __setattr__(self, name, value):
        if name in FACTS and isinstance(value, dict):
            # From a config. `dict` converts Keras' own mapping type.
            value = FACTS[name].from_dict(dict(value))
        super().__setattr__(name, value)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Tuple of str, one per class, or `None`."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: typing.Any) -> None:
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
    def temperature(self) -> float:
        """float > 0, by which logits are divided before the activation."""
        return self._temperature

    @temperature.setter
    def temperature(self, value: typing.Any) -> None:
        known = checks.is_number(value) and 0 < value < float("inf")
        checks.check(known, "temperature", "a positive number", value)
        self._temperature = float(value)

    @property
    def thresholds(self) -> tuple[float, ...] | None:
        """Tuple of float, one per class, or `None`."""
        return self._thresholds

    @thresholds.setter
    def thresholds(self, values: typing.Any) -> None:
        if values is not None:
            values = tuple(values)
            checks.check(
                self.multi_label
                and self.classes in (None, len(values))
                and all(
                    checks.is_number(value)
                    and math.isfinite(value)
                    and 0 <= value <= 1
                    for value in values
                ),
                "thresholds",
                'None, or with activation="sigmoid" a number from 0 to 1 for '
                f"each of the {self.classes or ''} classes",
                values,
            )
            values = tuple(map(float, values))
        self._thresholds = values

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several classes, or none: bool."""
        return self.activation == "sigmoid"

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Computes probabilities with NumPy.

        Args:
            logits: array `(..., classes)`, already divided by the temperature.

        Returns:
            float64 array of the same shape: of the sigmoid with
            `activation="sigmoid"`, else of the softmax.
        """
        logits = np.asarray(logits, "float64")
        if self.multi_label:
            return scipy.special.expit(logits)
        return scipy.special.softmax(logits, axis=-1)

    def present(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns which classes are present.

        Args:
            probabilities: array `(..., classes)`.

        Returns:
            bool array of the same shape.
        """
        thresholds = THRESHOLD if self.thresholds is None else self.thresholds
        return np.asarray(probabilities) >= np.asarray(thresholds)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.classes = input_shape[-1]
        if self.class_names is not None:
            self._check_number(self.class_names, self.classes)
        self.thresholds = self.thresholds  # their number is known now

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        logits = ops.cast(inputs, "float32")
        if self.activation == "softmax":
            return ops.softmax(logits / self.temperature, axis=-1)
        if self.activation == "sigmoid":
            return ops.sigmoid(logits / self.temperature)
        return logits

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        return input_shape

    def compute_output_spec(
        self, inputs: keras.KerasTensor
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, dtype="float32")

    def get_config(self) -> dict:
        facts = {name: getattr(self, name) for name in FACTS}
        return {
            **super().get_config(),
            "activation": self.activation,
            "class_names": self.class_names,
            "temperature": self.temperature,
            "thresholds": self.thresholds,
            **{
                name: None if fact is None else fact.to_dict()
                for name, fact in facts.items()
            },
        }

    @staticmethod
    def _check_number(names, classes):
        if classes is not None and len(names) != classes:
            raise ValueError(
                f"Expected one name for each of the {classes} classes. "
                f"Received: {len(names)} class_names={names}"
            )
