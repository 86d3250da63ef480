"""What the sections of a recipe may hold."""


def check(condition, name, expected, received):
    if not condition:
        raise ValueError(
            f"Invalid recipe value `{name}`. Expected {expected}. Received: "
            f"{name}={received!r}"
        )


def check_choice(section, name, choices):
    value = getattr(section, name)
    check(value in choices, name, f"one of {choices}", value)


def check_number(section, name, low, high=None, kind=(int, float)):
    value = getattr(section, name)
    ok = isinstance(value, kind) and not isinstance(value, bool)
    ok = ok and value >= low and (high is None or value <= high)
    limit = "" if high is None else f" and at most {high}"
    noun = "an integer" if kind is int else "a number"
    check(ok, name, f"{noun} of at least {low}{limit}", value)
