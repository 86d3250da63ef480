import keras
from keras import ops

from keras_vidrec.specs import checks

OPERATIONS = ("avg", "max", "multiply")
DIRECTIONS = ("both", "appearance_to_motion", "motion_to_appearance")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class CrossStreamFusion(keras.layers.Layer):
    """Fuses two streams, element by element, and lets both go on.

    The fusion function G of spatio-temporal fusion networks:

    - `"avg"`: mean of the two (equation 4);
    - `"multiply"`: product of the two (equation 5);
    - `"max"`: larger one of the two (equation 6).

    The fused sequence goes on in both streams (symmetric fusion), or in the
    one that the direction points to; the other one then goes on with its own
    sequence, unfused, which is how this package reads figure 5a.

    Args:
        operation: str. `"avg"`, `"max"` or `"multiply"`. Defaults to
            `"avg"`.
        direction: str. `"both"`, `"appearance_to_motion"` or
            `"motion_to_appearance"`. Defaults to `"both"`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List `[appearance, motion]` of tensors of equal shape, of any
            rank.

    Output shape:
        Same as input: the list `[appearance, motion]` of what goes on.

    Raises:
        ValueError: if `operation` or `direction` is unknown, or the inputs
            are not two tensors of equal shape.

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

    def __init__(self, operation="avg", direction="both", **kwargs):
        super().__init__(**kwargs)
        checks.choice("operation", operation, OPERATIONS)
        checks.choice("direction", direction, DIRECTIONS)
        self.operation = operation
        self.direction = direction

    def build(self, input_shape):
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

    def call(self, inputs):
        appearance, motion = inputs
        fused = self._fuse(appearance, motion)
        if self.direction == "appearance_to_motion":
            return [appearance, fused]
        if self.direction == "motion_to_appearance":
            return [fused, motion]
        return [fused, fused]

    def _fuse(self, appearance, motion):
        if self.operation == "avg":
            return (appearance + motion) / 2
        if self.operation == "max":
            return ops.maximum(appearance, motion)
        return appearance * motion

    def compute_output_shape(self, input_shape):
        return [tuple(shape) for shape in input_shape]

    def get_config(self):
        return {
            **super().get_config(),
            "operation": self.operation,
            "direction": self.direction,
        }
