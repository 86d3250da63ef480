import collections.abc
import typing

import keras
from keras import ops

from keras_vidrec.specs import checks

OPERATIONS = ("avg", "max", "multiply")
DIRECTIONS = ("both", "appearance_to_motion", "motion_to_appearance")
TRAINED = "trained"


@keras.saving.register_keras_serializable(package="keras_vidrec")
class CrossStreamFusion(keras.layers.Layer):
    """Fuses two streams element by element, and outputs both.

    The fusion function G of spatio-temporal fusion networks:

    - `"avg"`: mean of the two (equation 4);
    - `"multiply"`: product of the two (equation 5);
    - `"max"`: larger one of the two (equation 6).

    The fused sequence replaces both streams (symmetric fusion), or the target
    stream of the direction; the other stream then keeps its own sequence, which
    is how this package interprets figure 5a.

    The paper mentions two other means, which were worse than the plain one
    (section 4.4, without figures): one weighted by the accuracy of each
    stream's network, and one of streams scaled by "1x1 2D conv". The latter is
    interpreted as one trained number for each stream, initialized as 1.

    Args:
        operation: str. `"avg"`, `"max"` or `"multiply"`. Defaults to
            `"avg"`.
        direction: str. `"both"`, `"appearance_to_motion"` or
            `"motion_to_appearance"`. Defaults to `"both"`.
        feature_weights: `None` (the same), pair of positive numbers, or
            `"trained"`. Weights of appearance and motion in the mean of
            `"avg"`; with `"trained"` each is multiplied by its own trained
            number before the plain mean. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List `[appearance, motion]` of tensors of equal shape, of any
            rank.

    Output shape:
        Same as input: the list `[appearance, motion]` after fusion.

    Raises:
        ValueError: if `operation` or `direction` is unknown, streams are
            weighted without a mean, or the inputs are not two tensors of
            equal shape.

    Example:

    >>> appearance, motion = np.ones((2, 4, 7, 64))
    >>> fuse = keras_vidrec.layers.CrossStreamFusion("avg")
    >>> [stream.shape for stream in fuse([appearance, motion])]
    [(4, 7, 64), (4, 7, 64)]

    Reference:
        - Cho and Foroosh, 2018, "Spatio-Temporal Fusion Networks for Action
          Recognition", section 3.2 (spatio-temporal fusion, fusion
          direction) and figure 5.
    """

    def __init__(
        self,
        operation: typing.Literal["avg", "max", "multiply"] = "avg",
        direction: typing.Literal[
            "both", "appearance_to_motion", "motion_to_appearance"
        ] = "both",
        feature_weights: collections.abc.Mapping[str, float]
        | collections.abc.Sequence[float]
        | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.choice("operation", operation, OPERATIONS)
        checks.choice("direction", direction, DIRECTIONS)
        checks.check(
            feature_weights in (None, TRAINED) or _is_pair(feature_weights),
            "feature_weights",
            'None, "trained", or two positive numbers',
            feature_weights,
        )
        checks.check(
            operation == "avg" or feature_weights is None,
            "feature_weights",
            f"None, because operation={operation!r} is not a mean",
            feature_weights,
        )
        self.operation = operation
        self.direction = direction
        if isinstance(feature_weights, list):
            feature_weights = tuple(feature_weights)
        self.feature_weights = feature_weights
        self.scale = None

    def build(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> None:
        if len(input_shape) != 2 or not all(
            isinstance(shape, (tuple, list)) for shape in input_shape
        ):
            raise ValueError(
                "Expected a list of two streams, [appearance, motion]. "
                f"Received: input_shape={input_shape}"
            )
        appearance, motion = map(tuple, input_shape)
        if len(appearance) != len(motion) or any(
            None not in sizes and sizes[0] != sizes[1]
            for sizes in zip(appearance, motion)
        ):
            raise ValueError(
                "Expected two streams of equal shape. Received: "
                f"appearance={appearance}, motion={motion}"
            )
        if self.feature_weights == TRAINED:
            self.scale = self.add_weight(
                name="scale", shape=(2,), initializer="ones"
            )

    def call(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> list[keras.KerasTensor]:
        appearance, motion = inputs
        fused = self._fuse(appearance, motion)
        if self.direction == "appearance_to_motion":
            return [appearance, fused]
        if self.direction == "motion_to_appearance":
            return [fused, motion]
        return [fused, fused]

    def _fuse(self, appearance, motion):
        if self.operation == "avg":
            first, second = self._shares()
            return first * appearance + second * motion
        if self.operation == "max":
            return ops.maximum(appearance, motion)
        return appearance * motion

    def _shares(self):
        """Returns the factors of the two streams."""
        if self.feature_weights is None:
            return 0.5, 0.5
        if self.feature_weights == TRAINED:
            return self.scale[0] / 2, self.scale[1] / 2
        first, second = self.feature_weights
        return first / (first + second), second / (first + second)

    def compute_output_shape(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> list[tuple[int | None, ...]]:
        return [tuple(shape) for shape in input_shape]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "operation": self.operation,
            "direction": self.direction,
            "feature_weights": self.feature_weights,
        }


def _is_pair(values):
    return (
        isinstance(values, (list, tuple))
        and len(values) == 2
        and all(
            checks.is_number(value) and 0 < value < float("inf")
            for value in values
        )
    )
