"""Formats numbers of a training as text."""

import keras


def figures(logs, accuracy):
    """Formats the loss and the accuracies.

    Args:
        logs: dict, the logs of `fit`.
        accuracy: str. Name of the accuracy, or of the mean average precision,
            in the logs.

    Returns:
        str, such as `"loss 0.693, accuracy 50.0 %, validation accuracy
        52.5 %"`. Values that are not in the logs are left out.
    """
    parts = []
    if "loss" in logs:
        parts.append(f"loss {logs['loss']:.4g}")
    what = "accuracy"
    if accuracy.endswith("mean_average_precision"):
        what = "mean average precision"
    for name, what in (
        (accuracy, what),
        (f"val_{accuracy}", f"validation {what}"),
    ):
        if name in logs:
            parts.append(f"{what} {percent(logs[name])}")
    return ", ".join(parts)


def percent(share):
    """Formats a share from 0 to 1, such as `"52.5 %"`."""
    return f"{100 * share:.1f} %"


def count(number, noun):
    """Formats a number with a noun: `"1 epoch"`, `"2 epochs"`,
    `"2 classes"`."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"


def duration(seconds):
    """Formats a time in seconds: `"2 hours 5 minutes"`, `"12 minutes"`,
    `"40 seconds"`, `"less than 10 seconds"`."""
    if seconds < 9.5:
        return "less than 10 seconds"
    if seconds < 89.5:
        return f"{round(seconds)} seconds"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [
        count(number, noun)
        for number, noun in (
            (days, "day"),
            (hours, "hour"),
            (0 if days else minutes, "minute"),
        )
        if number
    ]
    return " ".join(parts)


def rate_of(model):
    """Returns the learning rate of the last update as a float; `None` if the
    model has no optimizer."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(optimizer, "last_learning_rate", optimizer.learning_rate)
    return float(keras.ops.convert_to_numpy(rate))
