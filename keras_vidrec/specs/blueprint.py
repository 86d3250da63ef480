"""The builder of a network and its arguments."""

import dataclasses
import typing

from keras_vidrec.specs import checks
from keras_vidrec.specs.fact import Fact


@dataclasses.dataclass(frozen=True)
class Blueprint(Fact):
    """The builder of a network and its arguments.

    Every builder records it, in `ClassScores`.

    Args:
        application: str. Name of the builder in `keras_vidrec.applications`.
        arguments: dict. The builder's arguments as they were given, if JSON
            can represent them: without `weights`, `input_tensor` and trained
            networks; a `keras.Model` is recorded as a dict `{"keras_model":
            NAME}`. Defaults to an empty dict.
        backbones: dict from stream to the name of its backbone, with defaults
            filled in; `None` for a user's own `keras.Model`. A stream whose
            input is features has no entry. Defaults to an empty dict.

    Raises:
        ValueError: if a value has the wrong type.
    """

    WHAT: typing.ClassVar[str] = "a blueprint"

    application: str
    arguments: dict = dataclasses.field(default_factory=dict)
    backbones: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        owner = f" of {self.WHAT}"
        checks.check(
            isinstance(self.application, str) and self.application,
            "application",
            "the name of a builder",
            self.application,
            owner,
        )
        checks.check(
            isinstance(self.arguments, dict),
            "arguments",
            "a dict of arguments by name",
            self.arguments,
            owner,
        )
        checks.check(
            isinstance(self.backbones, dict)
            and all(
                isinstance(name, str) or name is None
                for name in self.backbones.values()
            ),
            "backbones",
            "a dict by stream of a name, or None for a keras.Model",
            self.backbones,
            owner,
        )
