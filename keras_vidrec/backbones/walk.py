"""Towers built from endpoint to endpoint, so that streams can meet inside."""

import typing

import keras

from keras_vidrec.backbones import table


class Walk:
    """A walk through a tower that is being built.

    A tower has endpoints: the ends of its stages (`relu2` .. `relu5`), of fully
    connected layers (`fc6`, `fc7`), of inception blocks; a residual unit has
    `res2b_branch2a_input` (what enters its residual branch),
    `res2b_branch2b_relu`, `res2b` (the sum) and `res2b_relu`, and each of its
    convolutions, such as `res2b_branch2c`, before it is normalized. At each of
    them the walk can stop, look at the tensor, and go on from another one:

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
        prefix: str. Goes before the names of the layers, in residual networks
            only. Defaults to `""`.

    Attributes:
        endpoint: str, the endpoint where the walk stands; `None` at the end.
        tensor: KerasTensor, what is there.
        fully_connected: bool. Whether the tower pools its last maps and ends
            in fully connected layers.

    Raises:
        ValueError: if the backbone is unknown, or a prefix is given to a
            tower that takes none.
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
        """Goes on to an endpoint.

        Args:
            endpoint: str, or `None` for the end. Defaults to `None`.

        Returns:
            KerasTensor, what is there: of shape `(batch, height, width,
            filters)`.

        Raises:
            ValueError: if the tower has no such endpoint, or not on the way.
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
        """Goes on from another tensor than the one that is there."""
        self.tensor = tensor

    def part(self, endpoint: str | None = None, *, name: str) -> keras.Model:
        """The tower from here to an endpoint as a model of its own.

        It takes what has the shape of the tensor that is here, or that was
        put here. Neither here nor there may be inside a residual unit, whose
        shortcut would go past the model.

        Args:
            endpoint: str, or `None` for the end. Defaults to `None`.
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
