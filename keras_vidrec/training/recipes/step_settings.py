"""Sets single values of the steps of an augmentation, by the step's name."""

from keras_vidrec.data.augmentation import name_of
from keras_vidrec.data.augmentation import step_of
from keras_vidrec.specs import checks


def assign(steps, keys, value):
    """Changes one step in a list of steps.

    A step that is not in the list yet is added at the end, before steps that
    mix clips of a batch.

    Args:
        steps: list of steps as in a recipe file. It is changed in place.
        keys: list of str. The name of the step or its index in the list,
            optionally followed by the name of one of its values.
        value: if `keys` contains the name of a value, the value. Else all
            values of the step as a dict, or its first value; `True` for the
            defaults of the step, `False` or `None` to remove the step.

    Raises:
        ValueError: if there are several steps of that name, no such index, or
            `keys` has more than two items.
    """
    checks.check(isinstance(steps, list), "augmentation", "a list", steps)
    steps[:] = map(_in_full, steps)
    name, place = _find(steps, keys[0])
    if keys[0] != name and keys[1:2] == [name]:
        keys = keys[1:]  # augmentation[1].flip
    path = ".".join(["augmentation", *keys])
    checks.check(len(keys) < 3, path, "a step, or one number of a step", value)
    if len(keys) == 1 and (value is None or value is False):
        if place is None:
            step_of(name)  # raises an error for an unknown step
        else:
            del steps[place]
        return
    if len(keys) == 1 and keys[0] != name:
        steps[place] = value  # augmentation[1]={flip: 0.1}
        return
    if place is None:
        place = len(steps)
        if name not in _LAST:
            place -= sum(bool({*step} & {*_LAST}) for step in steps)
        steps.insert(place, {name: {}})
    if len(keys) == 2:
        steps[place][name][keys[1]] = value
    else:
        steps[place][name] = {} if value is True else value


_LAST = ("mixup", "cutmix")


def _in_full(step):
    """A step in the form `{name: values}`."""
    if isinstance(step, dict) and len(step) == 1:
        (numbers,) = step.values()
        if isinstance(numbers, dict):
            return step
    found = step_of(step)
    return {name_of(found): found.get_config()}


def _find(steps, key):
    """The name of a step, and its index in the list or None."""
    names = [name for step in steps for name in step]
    if key.lstrip("-").isdecimal():
        number = int(key)
        if not 0 <= number < len(names):
            raise ValueError(
                f"Expected one of the {len(names)} steps of the augmentation, "
                f"counted from 0. Received: augmentation[{key}]"
            )
        return names[number], number
    checks.check(
        names.count(key) < 2,
        f"augmentation.{key}",
        "the number of the step, as there are several: "
        + ", ".join(
            f"augmentation[{i}]" for i, one in enumerate(names) if one == key
        ),
        key,
    )
    return key, names.index(key) if key in names else None
