"""Weights from one network to another by the names of their layers."""

import dataclasses

import keras


@dataclasses.dataclass(frozen=True)
class CopyReport:
    """What `copy_by_name` did, by layer path (`tower/layer`).

    Attributes:
        copied: tuple of str. Layers that got the source's weights.
        mismatched: tuple of str. Layers of other shapes, with both shapes:
            they keep their own weights.
        missing: tuple of str. Layers that the source does not have.
        unused: tuple of str. Layers of the source without a counterpart.
    """

    copied: tuple
    mismatched: tuple
    missing: tuple
    unused: tuple

    def __str__(self):
        lines = [f"{len(self.copied)} layers copied"]
        for name in ("mismatched", "missing", "unused"):
            layers = getattr(self, name)
            if layers:
                lines.append(f"{name}: {', '.join(layers)}")
        return "; ".join(lines)


def copy_by_name(source, target):
    """Copies the weights of every layer of the same path and shapes.

    Args:
        source: keras.Model to copy from.
        target: keras.Model to change in place.

    Returns:
        `CopyReport`: what could not be copied is told, never hidden.

    Raises:
        ValueError: if not a single layer fits.
    """
    have, want = _layers(source), _layers(target)
    copied, mismatched = [], []
    for path in want.keys() & have.keys():
        shapes = [_shapes(layers[path]) for layers in (have, want)]
        if shapes[0] == shapes[1]:
            want[path].set_weights(have[path].get_weights())
            copied.append(path)
        else:
            mismatched.append(f"{path} {shapes[0]} to {shapes[1]}")
    if not copied:
        raise ValueError(
            "Expected networks that share layers by name and shape. Received: "
            f"{source.name!r} with {sorted(have)[:5]}... and {target.name!r} "
            f"with {sorted(want)[:5]}..."
        )
    return CopyReport(
        tuple(sorted(copied)),
        tuple(sorted(mismatched)),
        tuple(sorted(want.keys() - have.keys())),
        tuple(sorted(have.keys() - want.keys())),
    )


def _layers(model, prefix=""):
    """Layers with weights by their path through nested models."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found.update(_layers(layer, f"{prefix}{layer.name}/"))
        elif layer.weights:
            found[prefix + layer.name] = layer
    return found


def _shapes(layer):
    return [tuple(weight.shape) for weight in layer.weights]
