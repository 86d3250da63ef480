"""Divides a user's own network into parts at its layers."""

import keras

from keras_vidrec.specs import checks


class ModelWalk:
    """Divides a functional `keras.Model` into parts, from layer to layer.

    It has the methods `put` and `part` of `Walk`, but uses the layers of the
    model and their weights. An endpoint is the name of a layer. All later
    layers must depend on the output of this layer only, and the next part takes
    maps with the shape of this output only.

    Args:
        model: functional `keras.Model` from images to a feature map or a
            vector of features.

    Attributes:
        endpoint: str, the current endpoint: `"images"` at the beginning, `None`
            at the end.
        fully_connected: `False`, see `Walk`.

    Raises:
        ValueError: if the model is not functional.
    """

    fully_connected = False

    def __init__(self, model: keras.Model) -> None:
        inputs = getattr(model, "inputs", None)
        if not inputs or len(inputs) != 1 or len(model.outputs) != 1:
            raise ValueError(
                "Streams are joined inside their towers. Expected a functional "
                "keras.Model of one input and one output, whose layers are "
                f"known. Received: backbone={model.name!r}"
            )
        self.endpoint: str | None = "images"
        self._model = model
        self._source = inputs[0]
        self._maps = inputs[0]

    def put(self, tensor: keras.KerasTensor) -> None:
        """Replaces the tensor at the current endpoint."""
        self._maps = tensor

    def part(self, endpoint: str | None = None, *, name: str) -> keras.Model:
        """Returns the part from the current endpoint to another one, see
        `Walk.part`.

        Raises:
            ValueError: if there is no such layer, later layers also depend on
                other tensors than the one at the current endpoint, or the
                tensor passed to `put` has another shape.
        """
        target = self._output(endpoint)
        if target is self._source:
            part = keras.Input(target.shape[1:])
            return keras.Model(part, part, name=name)
        have, want = self._maps.shape[1:], self._source.shape[1:]
        if len(have) != len(want) or any(
            None not in sizes and sizes[0] != sizes[1]
            for sizes in zip(have, want)
        ):
            raise ValueError(
                f"The model {self._model.name!r} used as backbone continues "
                f"after {self.endpoint!r}. Expected maps of the shape "
                f"{tuple(want)}. Received: {tuple(have)}"
            )
        try:
            part = keras.Model(self._source, target, name=name)
        except ValueError:
            raise ValueError(
                f"The model {self._model.name!r} used as backbone cannot be "
                f"divided from {self.endpoint!r} to {endpoint or 'its end'!r}. "
                "Expected layers in the model's order, on whose outputs alone "
                "all later layers depend, such as the output of a block: no "
                "shortcut may bypass them"
            ) from None
        self._source = self._maps = target
        self.endpoint = endpoint
        return part

    def _output(self, endpoint):
        if endpoint is None:
            return self._model.outputs[0]
        names = [layer.name for layer in self._model.layers]
        checks.check(
            endpoint in names,
            "fusion_layer",
            f"a layer of the model {self._model.name!r}, one of {names}",
            endpoint,
        )
        # `layer.output` cannot be used, because each part adds nodes to layers.
        node = self._model.get_layer(endpoint)._inbound_nodes[0]
        return node.output_tensors[0]
