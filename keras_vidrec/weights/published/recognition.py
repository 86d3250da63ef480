"""Recognition of the naming scheme of a checkpoint."""

import dataclasses

from keras_vidrec.backbones import BACKBONES
from keras_vidrec.weights.pixels import kind_of
from keras_vidrec.weights.published.schemes.caffe import CAFFE
from keras_vidrec.weights.published.schemes.efficientnet_lite import (
    EFFICIENTNET_LITE,
)
from keras_vidrec.weights.published.schemes.efficientnet_lite import TIMM_LITE
from keras_vidrec.weights.published.schemes.keras_applications import (
    KERAS_APPLICATIONS,
)
from keras_vidrec.weights.published.schemes.layer_names import (
    candidate_backbones,
)
from keras_vidrec.weights.published.schemes.matconvnet import MATCONVNET
from keras_vidrec.weights.published.schemes.mmaction2 import MMACTION2
from keras_vidrec.weights.published.schemes.own import KERAS_VIDREC
from keras_vidrec.weights.published.schemes.torchvision import TIMM
from keras_vidrec.weights.published.schemes.torchvision import TORCHVISION
from keras_vidrec.weights.published.schemes.tsn_pytorch import TSN_PYTORCH

SCHEMES = (
    TORCHVISION,
    TIMM,
    TIMM_LITE,
    EFFICIENTNET_LITE,
    MMACTION2,
    TSN_PYTORCH,
    CAFFE,
    MATCONVNET,
    KERAS_APPLICATIONS,
    KERAS_VIDREC,
)


def recognize(checkpoint, backbones):
    """Returns the arrays of a checkpoint for the backbones of a network, by the
    schemes that match most of its names.

    Args:
        checkpoint: `Checkpoint`.
        backbones: dict from streams (`None` for a single one) to keys of
            `backbones.BACKBONES`.

    Returns:
        `Translation`.

    Raises:
        ValueError: if the checkpoint is for another or an unknown backbone, or
            for one stream if the network has several.
    """
    streams = backbones.keys() - {None}
    if len(set(backbones.values())) == 1:
        backbones = {None: next(iter(backbones.values()))}
    translations = {}
    for stream, backbone in backbones.items():
        translation = _recognized(checkpoint, backbone, stream)
        translations[stream] = translation
        if streams and not any(slot.stream for slot in translation.pieces):
            paths = ", ".join(f"{stream}: PATH" for stream in sorted(streams))
            raise ValueError(
                f"Expected weights of {' + '.join(sorted(streams))}. Received: "
                f"{checkpoint.path}, of one stream. Import each stream into a "
                "network of its own, then join them by `weights.copy_streams`, "
                f'or in training by --set "initialization.weights={{{paths}}}"'
            )
    if len(translations) == 1:
        return translations[None]
    return _joined(checkpoint, translations)


def _recognized(checkpoint, backbone, stream=None):
    best = _best(checkpoint, backbone, stream)
    if _is_whole(best, backbone) and not best.unknown:
        return best
    own = len(best.pieces) if _is_whole(best, backbone) else 0
    counts = {
        other: _known(checkpoint, other, stream)
        for other in BACKBONES
        if other != backbone
    }
    other = max(counts, key=counts.get)
    whose = f" for {stream}" if stream else ""
    if counts[other] > own:
        raise ValueError(
            f"Expected weights of {backbone}{whose}. Received: "
            f"{checkpoint.path}, with weights of {other}: build the model with "
            f"backbone={other!r}{whose} (--backbone {other})"
        )
    if best is None:
        names = list(checkpoint.tensors)
        schemes = [scheme.name for scheme in _schemes(checkpoint, backbone)]
        raise ValueError(
            f"Expected weights of {backbone}{whose} by the names of one of "
            f"{schemes}, as known of {checkpoint.format} files. Received: "
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


def _best(checkpoint, backbone, stream):
    """Returns the translation with the most arrays; `None` without arrays."""
    translations = [
        _of_stream(scheme.translate(checkpoint, backbone), stream)
        for scheme in _schemes(checkpoint, backbone)
    ]
    best = max(translations, key=lambda one: len(one.pieces), default=None)
    return best if best is not None and best.pieces else None


def _is_whole(translation, backbone):
    """Whether a translation has all stages of the backbone, and no others."""
    if translation is None:
        return False
    layers = {slot.layer for slot in translation.pieces}
    families = {BACKBONES[name].family for name in candidate_backbones(layers)}
    return families == {BACKBONES[backbone].family}


def _known(checkpoint, backbone, stream) -> int:
    """Returns the number of arrays for a backbone; 0 unless it is whole."""
    try:
        found = _best(checkpoint, backbone, stream)
    except ValueError:
        return 0  # the file is for a variant that is not supported
    return len(found.pieces) if _is_whole(found, backbone) else 0


def _of_stream(translation, stream):
    """Returns a translation without the slots of other streams."""
    if stream is None:
        return translation
    return dataclasses.replace(
        translation,
        pieces={
            slot: piece
            for slot, piece in translation.pieces.items()
            if slot.stream in (stream, None)
        },
        zero_biases=tuple(
            slot
            for slot in translation.zero_biases
            if slot.stream in (stream, None)
        ),
    )


def _joined(checkpoint, translations):
    """Returns one translation for streams with different backbones."""
    pieces, zero_biases, ignored, scaling = {}, {}, {}, {}
    for stream, translation in translations.items():
        pieces |= translation.pieces
        zero_biases |= dict.fromkeys(translation.zero_biases)
        ignored |= translation.ignored
        kind = kind_of(stream)
        if kind in translation.scaling:
            scaling[kind] = translation.scaling[kind]
    used = {piece.source for piece in pieces.values()} | ignored.keys()
    return dataclasses.replace(
        translations[next(iter(translations))],
        pieces=pieces,
        scaling=scaling,
        zero_biases=tuple(zero_biases),
        ignored=ignored,
        unknown=tuple(n for n in checkpoint.tensors if n not in used),
    )
