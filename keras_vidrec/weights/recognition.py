"""Whose names the tensors of a checkpoint have."""

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.weights.architecture import candidate_backbones
from keras_vidrec.weights.schemes.table import SCHEMES


def recognise(checkpoint, backbone):
    """The arrays of a checkpoint for a backbone, by the scheme that knows
    most of its names.

    Args:
        checkpoint: `Checkpoint`.
        backbone: str. A key of `backbones.BACKBONES`.

    Returns:
        `Translation`.

    Raises:
        ValueError: if the checkpoint is of another backbone, or of none that
            is known.
    """
    best = _best(checkpoint, backbone)
    if _is_whole(best, backbone) and not best.unknown:
        return best
    own = len(best.pieces) if _is_whole(best, backbone) else 0
    counts = {
        other: _known(checkpoint, other)
        for other in BACKBONES
        if other != backbone
    }
    other = max(counts, key=counts.get)
    if counts[other] > own:
        raise ValueError(
            f"Expected weights of {backbone}. Received: {checkpoint.path}, "
            f"with weights of {other}: build the model with "
            f"backbone={other!r}"
        )
    if best is None:
        names = list(checkpoint.tensors)
        schemes = [scheme.name for scheme in _schemes(checkpoint, backbone)]
        raise ValueError(
            f"Expected weights of {backbone} by the names of one of {schemes}, "
            f"as known of {checkpoint.format} files. Received: "
            f"{checkpoint.path}, with {len(names)} tensors of other names: "
            f"{', '.join(names[:5])}"
        )
    return best


def _schemes(checkpoint, backbone):
    return [
        scheme
        for scheme in SCHEMES
        if checkpoint.format in scheme.formats and backbone in scheme.backbones
    ]


def _best(checkpoint, backbone):
    """The translation with the most arrays; `None` where there are none."""
    translations = [
        scheme.translate(checkpoint, backbone)
        for scheme in _schemes(checkpoint, backbone)
    ]
    best = max(translations, key=lambda one: len(one.pieces), default=None)
    return best if best is not None and best.pieces else None


def _is_whole(translation, backbone):
    """Whether there are all stages of the backbone, and no others."""
    if translation is None:
        return False
    layers = {slot.layer for slot in translation.pieces}
    return candidate_backbones(layers) == [backbone]


def _known(checkpoint, backbone):
    """How many arrays there are, of all stages of a backbone."""
    try:
        found = _best(checkpoint, backbone)
    except ValueError:
        return 0  # of no use to this backbone, and the other one matters
    return len(found.pieces) if _is_whole(found, backbone) else 0
