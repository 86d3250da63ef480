import dataclasses

from keras_vidrec.training.recipes.sections.checks import check


@dataclasses.dataclass(frozen=True)
class Network:
    """Which network.

    Args:
        application: str. Name of a builder in `keras_vidrec.applications`.
        arguments: dict. Its keyword arguments; `classes` is filled in from
            the data.
    """

    application: str = "TSN"
    arguments: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check(
            isinstance(self.arguments, dict),
            "arguments",
            "a mapping of argument names to values",
            self.arguments,
        )
