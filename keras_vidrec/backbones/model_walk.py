"""A user's own network as a tower that is walked through."""

import keras

from keras_vidrec.specs import checks


class ModelWalk:
    """A walk through a functional `keras.Model`, from layer to layer.

    As `Walk`, but with the layers that are there, and their weights: an
    endpoint is the name of a layer, all that follows must depend on it alone,
    and the walk goes on only from maps of the shape that the layer gives.

    Args:
        model: functional `keras.Model` from images to a feature map or a
            vector of features.

    Attributes:
        endpoint: str, where the walk stands: `"images"` at the beginning,
            `None` at the end.
        fully_connected: `False`.

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
        """Goes on from another tensor than the one that is there."""
        self._maps = tensor

    def part(self, endpoint: str | None = None, *, name: str) -> keras.Model:
        """The model from here to a layer as a model of its own, as `Walk.part`.

        Raises:
            ValueError: if there is no such layer, a path of the model leads
                past where the walk stands, or the maps that were put here
                have another shape than those that are here.
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
                f"The model {self._model.name!r} used as backbone goes on from "
                f"{self.endpoint!r} with what has the shape {tuple(want)}. "
                f"Received: {tuple(have)}"
            )
        try:
            part = keras.Model(self._source, target, name=name)
        except ValueError:
            raise ValueError(
                f"The model {self._model.name!r} used as backbone cannot be "
                f"cut from {self.endpoint!r} to {endpoint or 'its end'!r}. "
                "Expected layers in their order, each of which alone carries "
                "all that follows, such as the output of a block: no shortcut "
                "may lead past it"
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
        # Not `layer.output`: a cut makes further nodes of the same layer.
        node = self._model.get_layer(endpoint)._inbound_nodes[0]
        return node.output_tensors[0]
