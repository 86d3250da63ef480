"""What the facts have in common: plain data, there and back."""

import collections.abc
import dataclasses
import typing

from keras_vidrec.specs import checks


class Fact:
    """Base class of the frozen dataclasses that are saved with networks and
    files.

    A subclass says in `WHAT` what it is called in errors.
    """

    WHAT: typing.ClassVar[str] = "a specification"

    def replace(self, **changes: typing.Any) -> typing.Self:
        """A copy with some fields changed, checked again."""
        return dataclasses.replace(_data(self), **changes)

    def to_dict(self) -> dict:
        """Plain lists, numbers and strings, as JSON and YAML hold them."""
        return _plain(dataclasses.asdict(_data(self)))

    @classmethod
    def from_dict(
        cls, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """The inverse of `to_dict()`.

        Raises:
            ValueError: if a field is unknown or a value is invalid.
        """
        known = [field.name for field in dataclasses.fields(_data(cls))]
        checks.fields(known, values, cls.WHAT)
        return cls(**values)


def _data(fact) -> typing.Any:
    """A fact as the dataclass that each subclass is."""
    return fact


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
