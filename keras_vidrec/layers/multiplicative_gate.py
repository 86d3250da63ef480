import collections.abc
import typing

import keras

from keras_vidrec.specs import checks

INTERACTIONS = ("multiply", "add")


@keras.saving.register_keras_serializable(package="keras_vidrec")
class MultiplicativeGate(keras.layers.Layer):
    """Multiplies or adds one stream to another, element by element.

    - `"multiply"`: `inputs * gate`, motion gates appearance (equation 5). The
      gradient of each stream is scaled by the other stream.
    - `"add"`: `inputs + gate` (equation 2).

    The result is the input of the residual branch of a unit, whose shortcut is
    not changed; the gate is the other stream after its ReLU. A gate of ones, or
    of zeros with `"add"`, changes nothing.

    Args:
        interaction: str. `"multiply"` or `"add"`. Defaults to `"multiply"`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: List `[inputs, gate]` of two tensors of the same shape, any size
            of which may be unknown.

    Output shape:
        Same as `inputs`.

    Raises:
        ValueError: if `interaction` is unknown or the shapes differ (there is
            no broadcasting).

    Example:

    >>> appearance, motion = np.full((2, 1, 4, 4, 8), 3.0)
    >>> gate = keras_vidrec.layers.MultiplicativeGate()
    >>> gate([appearance, motion]).numpy().max()
    9.0

    Reference:
        - [Feichtenhofer et al., 2017](https://openaccess.thecvf.com/content_cvpr_2017/html/Feichtenhofer_Spatiotemporal_Multiplier_Networks_CVPR_2017_paper.html),
          sections 3.2.1 and 3.2.2.
    """

    def __init__(
        self,
        interaction: typing.Literal["multiply", "add"] = "multiply",
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(**kwargs)
        checks.choice("interaction", interaction, INTERACTIONS)
        self.interaction = interaction

    def build(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> None:
        common_shape(input_shape)

    def call(
        self, inputs: collections.abc.Sequence[keras.KerasTensor]
    ) -> keras.KerasTensor:
        common_shape([tuple(stream.shape) for stream in inputs])
        inputs, gate = inputs
        return inputs + gate if self.interaction == "add" else inputs * gate

    def compute_output_shape(
        self, input_shape: collections.abc.Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        return common_shape(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "interaction": self.interaction}


def common_shape(shapes):
    """Returns the common shape of inputs and gate, with the known sizes of
    both; raises a `ValueError` if they differ."""
    if (
        len(shapes) != 2
        or not all(isinstance(shape, (tuple, list)) for shape in shapes)
        or len(shapes[0]) != len(shapes[1])
        or any(
            None not in sizes and sizes[0] != sizes[1] for sizes in zip(*shapes)
        )
    ):
        raise ValueError(
            "Expected a list of inputs and gate of the same shape. Received: "
            f"input_shape={shapes}"
        )
    return tuple(gate if size is None else size for size, gate in zip(*shapes))
