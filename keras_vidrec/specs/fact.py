"""The base class of facts: conversion to and from plain data."""

import collections.abc
import dataclasses
import typing

from keras_vidrec.specs import checks


class Fact:
    """Base class of the frozen dataclasses that are saved with networks and
    files.

    `WHAT` is the name of a subclass in errors.
    """

    WHAT: typing.ClassVar[str] = "a specification"

    def replace(self, **changes: typing.Any) -> typing.Self:
        """Returns a copy with some fields changed; its values are checked."""
        return dataclasses.replace(_data(self), **changes)

    def to_dict(self) -> dict:
        """Returns the fields as a dict for JSON; tuples become lists."""
        return _plain(dataclasses.asdict(_data(self)))

    @classmethod
    def from_dict(
        cls, values: collections.abc.Mapping[str, typing.Any]
    ) -> typing.Self:
        """Returns the fact with the given fields: the inverse of `to_dict()`.

        Raises:
            ValueError: if a field is unknown or a value is invalid.
        """
        known = [field.name for field in dataclasses.fields(_data(cls))]
        checks.fields(known, values, cls.WHAT)
        return cls(**values)


def _data(fact) -> typing.Any:
    """Returns its argument; type checkers do not know it is a dataclass."""
    return fact


def _plain(value: typing.Any) -> typing.Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
