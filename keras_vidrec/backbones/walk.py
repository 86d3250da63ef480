"""Builds towers step by step, so that streams can be connected between."""

import typing

import keras

from keras_vidrec.backbones import table


class Walk:
    """Builds a tower step by step, from endpoint to endpoint.

    A tower has endpoints: the ends of its stages (`relu2` .. `relu5`), of fully
    connected layers (`fc6`, `fc7`), and of inception blocks. A residual unit
    has `res2b_branch2a_input` (the input of its residual branch),
    `res2b_branch2b_relu`, `res2b` (the sum), `res2b_relu`, and the outputs of
    its convolutions before their normalization, such as `res2b_branch2c`. At
    each endpoint the tensor can be read, and replaced by another one:

    >>> walk = Walk("resnet50", images)
    >>> gated = gate([walk.to("res2a"), motion])
    >>> walk.to("res2b_branch2a_input")
    >>> walk.put(gated)
    >>> features = walk.to()

    Args:
        backbone: str. A key of `BACKBONES`.
        images: KerasTensor `(batch, height, width, channels)`.
        dropout: float in [0, 1). Rate between the fully connected layers of
            towers that have them. Defaults to `0.5`.
        prefix: str. Prefix of the names of the layers, for residual networks
            only. Defaults to `""`.

    Attributes:
        endpoint: str, the current endpoint: `"images"` at the beginning, `None`
            at the end.
        tensor: KerasTensor at the current endpoint.
        fully_connected: bool. Whether the tower pools its last maps and ends
            in fully connected layers.

    Raises:
        ValueError: if the backbone is unknown, or a prefix is given for
            another backbone than a residual network.
    """

    def __init__(
        self,
        backbone: str,
        images: keras.KerasTensor,
        *,
        dropout: float = 0.5,
        prefix: str = "",
    ) -> None:
        row = table.find(backbone)
        arguments: dict[str, typing.Any] = {}
        if row.fully_connected:
            arguments["dropout"] = dropout
        if prefix:
            if row.units is None:
                raise ValueError(
                    "Expected a residual backbone, one of "
                    f"{table.residual_names()}. Received: {backbone!r}"
                )
            arguments["prefix"] = prefix
        self.endpoint = "images"
        self.tensor = images
        self.fully_connected = row.fully_connected
        self._backbone = backbone
        self._build = lambda x: row.build(x, **arguments)
        self._steps = None
        self._seen: list[str] = []

    def to(self, endpoint: str | None = None) -> keras.KerasTensor:
        """Builds the tower up to an endpoint.

        Args:
            endpoint: `None` (the end), or str. Defaults to `None`.

        Returns:
            KerasTensor at the endpoint, `(batch, height, width, filters)`.

        Raises:
            ValueError: if the tower has no such endpoint after the current one.
        """
        passed = len(self._seen)
        while self.endpoint is not None and self.endpoint != endpoint:
            self._step()
        if self.endpoint != endpoint:
            again = " any more" if endpoint in self._seen else ""
            raise ValueError(
                f"Backbone {self._backbone!r} has no endpoint {endpoint!r}"
                f"{again}. Expected one of {self._seen[passed:]}. Received: "
                f"{endpoint!r}"
            )
        return self.tensor

    def put(self, tensor: keras.KerasTensor) -> None:
        """Replaces the tensor at the current endpoint."""
        self.tensor = tensor

    def part(self, endpoint: str | None = None, *, name: str) -> keras.Model:
        """Builds the tower from the current endpoint to another one as a model.

        Its input has the shape of the tensor at the current endpoint. Neither
        endpoint may be inside a residual unit, because the shortcut would
        bypass the model.

        Args:
            endpoint: `None` (the end), or str. Defaults to `None`.
            name: str. Name of the model.

        Returns:
            Functional `keras.Model` from one map to another.

        Raises:
            ValueError: as `to`.
        """
        source = keras.Input(self.tensor.shape[1:], name="maps")
        self.put(source)
        return keras.Model(source, self.to(endpoint), name=name)

    def _step(self):
        try:
            if self._steps is None:
                self._steps = self._build(self.tensor)
                self.endpoint, self.tensor = next(self._steps)
            else:
                self.endpoint, self.tensor = self._steps.send(self.tensor)
            self._seen.append(self.endpoint)
        except StopIteration as end:
            self.endpoint, self.tensor = None, end.value
