"""Copying of weights from networks of one stream to a network of several."""

import collections.abc

import keras

from keras_vidrec.layers.consensus import ConsensusLayer
from keras_vidrec.layers.conv_fusion_3d import ConvFusion3D
from keras_vidrec.layers.stream_fusion import StreamFusion
from keras_vidrec.layers.temporal_identity_conv import TemporalIdentityConv
from keras_vidrec.weights.copying import CopyReport
from keras_vidrec.weights.copying import copy_matching
from keras_vidrec.weights.copying import fits
from keras_vidrec.weights.pixels import scale_pixels
from keras_vidrec.weights.pixels import scalings_of
from keras_vidrec.weights.towers import in_stream
from keras_vidrec.weights.towers import layers_by_path
from keras_vidrec.weights.towers import stream_layer
from keras_vidrec.weights.towers import towers

# Both are 8-bit codes of horizontal and vertical motion, so a stream of one can
# start from a network for the other.
FLOWS = ("flow", "warped_flow")

# Networks of one stream do not have these layers.
_NEW = (ConvFusion3D, StreamFusion, TemporalIdentityConv)


def copy_streams(
    target: keras.Model, streams: collections.abc.Mapping[str, keras.Model]
) -> CopyReport:
    """Initializes a network of several streams from one network for each
    stream.

    Layers are found by name. In the target they may be in a nested tower of the
    stream (`rgb_tower`), in the nested model that continues it
    (`spatiotemporal_from_relu5` for rgb, `temporal_from_relu5` for flow), or in
    the target itself under a name that begins with the stream
    (`rgb_res2a_branch2a`). Classifiers are found in the same way:
    `spatiotemporal_logits` gets the weights of `logits` in the rgb network. The
    pixel scaling of a stream is that of its network.

    Args:
        target: keras.Model to change in place: a two-stream fusion, a
            spatiotemporal multiplier, or a late fusion.
        streams: dict from streams of the target to keras.Model, such as
            `{"rgb": rgb_model, "flow": flow_model}`. Each network has one
            tower, for this stream; one for warped flow may be used for flow,
            and vice versa. Streams that are left out keep their weights.

    Returns:
        `CopyReport` by the layers of the target. `missing` are layers that no
        network has, such as fusions and temporal filters; `unused` (such as
        `rgb/conv1`) are layers of the networks without a counterpart.

    Raises:
        ValueError: if the target has no such stream, a network has another
            stream, or none of its layers fits. Nothing is changed then.

    Example:

    >>> fusion = TwoStreamFusion(classes=101)
    >>> keras_vidrec.weights.copy_streams(fusion, {"rgb": rgb, "flow": flow})
    """
    want = layers_by_path(target)
    keys = {path: stream_layer(path) for path in want}
    _check(target, streams, {key[0] for key in keys.values() if key})
    sources = {
        (stream, in_stream(path)): layer
        for stream, model in streams.items()
        for path, layer in layers_by_path(model).items()
    }
    have = {path: sources[key] for path, key in keys.items() if key in sources}
    for stream, model in streams.items():
        if not any(
            keys[path][0] == stream and fits(layer, want[path])
            for path, layer in have.items()
        ):
            raise ValueError(
                "Expected a network that shares layers by name and shape with "
                f"the stream {stream!r} of {target.name!r}. Received: "
                f"streams[{stream!r}]={model.name!r} with "
                f"{sorted(layers_by_path(model))[:5]}..."
            )
    used = {keys[path] for path in have}
    for key, layer in sources.items():
        if key not in used:
            have["/".join(key)] = layer
    _copy_scalings(target, streams)
    return copy_matching(have, want)


def copy_towers(target: keras.Model, streams: dict) -> CopyReport:
    """Copies only the weights of towers, for a network that processes their
    features further. Classifiers of snippets are not copied: they may fit by
    name and shape, but were trained on other inputs.

    Args:
        target: keras.Model to change in place, with a tower for each stream,
            such as `STFN` with backbones.
        streams: dict from streams of the target to keras.Model: networks with
            one tower, for this stream (flow or warped flow for flow). Layers of
            the towers are found by name; the pixel scalings are copied too.

    Returns:
        `CopyReport` by the layers of the target. All layers after its towers
        are `missing`.

    Raises:
        ValueError: if the target has no such tower, or a network has another
            or several. Nothing is changed then.
    """
    own, have = towers(target), {}
    _check(target, streams, set(own))
    for stream, model in streams.items():
        (tower,) = towers(model).values()
        have.update(layers_by_path(tower, f"{own[stream].name}/"))
    _copy_scalings(target, streams)
    return copy_matching(have, layers_by_path(target))


def behind_towers(model: keras.Model) -> set:
    """Returns the layers after the towers of a network over features with
    backbones inside.

    Args:
        model: keras.Model.

    Returns:
        set of paths (`towers.layers_by_path`) of layers with weights. Empty if
        these layers only classify and join streams or the scores of segments,
        and for a network whose towers are not nested models.
    """
    if not towers(model):
        return set()
    behind = {
        path: layer
        for path, layer in layers_by_path(model).items()
        if "/" not in path
    }
    own = any(
        not isinstance(layer, (*_NEW, ConsensusLayer))
        and not path.endswith("logits")
        for path, layer in behind.items()
    )
    return {*behind} if own else set()


def may_stay_random(model):
    """Returns the layers that networks of one stream need not have.

    Args:
        model: keras.Model of several streams.

    Returns:
        set of paths (`towers.layers_by_path`): classifiers, layers that join
        streams or filter over time, and layers whose input channels a fusion
        changes.
    """
    new = {
        path
        for path, layer in layers_by_path(model).items()
        if isinstance(layer, _NEW) or path.rpartition("/")[2].endswith("logits")
    }
    for part in model.layers:
        behind_fusion = part.name.startswith("spatiotemporal_from_")
        if behind_fusion and isinstance(part, keras.Model):
            new.update(f"{part.name}/{name}" for name in _entered(part))
    return new


def _entered(part):
    """Returns the names of the layers that are the first ones with weights
    after the input of a model."""
    as_it_is, found = {id(part.input)}, []
    for layer in part.layers:
        if as_it_is.isdisjoint(map(id, keras.tree.flatten(layer.input))):
            continue
        if layer.weights:
            found.append(layer.name)
        else:
            as_it_is.update(map(id, keras.tree.flatten(layer.output)))
    return found


def unfit_layers(report, new=()):
    """Returns the layers that were not copied and may not stay random.

    Args:
        report: `CopyReport`.
        new: paths of layers that may stay random. Defaults to `()`.

    Returns:
        list of str: paths, with both shapes if these do not fit.
    """
    return [
        layer
        for layer in (*report.mismatched, *report.missing)
        # Paths of mismatched layers are followed by both shapes.
        if layer.partition(" ")[0] not in new
    ]


def _copy_scalings(target, streams):
    """Copies the pixel scalings; each network has one tower, so one scaling."""
    scalings = {
        stream: scaling
        for stream, model in streams.items()
        for scaling in scalings_of(model).values()
    }
    scale_pixels(target, scalings)


def _check(target, streams, known):
    if not isinstance(streams, dict) or not streams or set(streams) - known:
        raise ValueError(
            "Invalid `streams`. Expected a dict of networks by stream of "
            f"{target.name!r}, {tuple(sorted(known))}. Received: "
            f"streams={streams!r}"
        )
    for stream, model in streams.items():
        found = tuple(towers(model))
        kin = FLOWS if stream in FLOWS else (stream,)
        if len(found) != 1 or found[0] not in kin:
            raise ValueError(
                f"Expected a network with one tower, of {' or '.join(kin)}. "
                f"Received: streams[{stream!r}]={model.name!r} with towers of "
                f"{found}"
            )
