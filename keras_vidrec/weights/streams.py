"""From trained networks of one stream to one network of several."""

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

# Their images are alike, 8-bit codes of horizontal and vertical motion: a
# network of either serves a stream of flow.
FLOWS = ("flow", "warped_flow")

# No network of one stream has them.
_NEW = (ConvFusion3D, StreamFusion, TemporalIdentityConv)


def copy_streams(
    target: keras.Model, streams: collections.abc.Mapping[str, keras.Model]
) -> CopyReport:
    """Initializes a network of several streams from one network for each
    stream.

    Layers are found by name. Those of the target may be in a nested tower of
    the stream (`rgb_tower`), in what goes on from it
    (`spatiotemporal_from_relu5` from rgb, `temporal_from_relu5` from flow), or
    in the target itself under a name that begins with the stream
    (`rgb_res2a_branch2a`). Classifiers are found likewise:
    `spatiotemporal_logits` gets what is `logits` in the network of rgb. Raw
    pixels of a stream are scaled as its network does.

    Args:
        target: keras.Model to change in place: of two-stream fusion, a
            spatiotemporal multiplier, or a late fusion.
        streams: dict of keras.Model by stream of the target, such as
            `{"rgb": rgb_model, "flow": flow_model}`. Each is a network with
            one tower, of this stream; a tower of warped flow serves flow, and
            the other way round. Streams that are left out keep their weights.

    Returns:
        `CopyReport` by the layers of the target; `missing` are those that no
        stream has, such as fusions and temporal filters, `unused` (as
        `rgb/conv1`) those of the streams without a counterpart. What could
        not be copied is stated, never hidden.

    Raises:
        ValueError: if the target has no such stream, a network is not of this
            one stream, or not a single layer of it fits. Nothing is changed
            then.

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
    """Starts the towers of a network that has layers of its own behind them
    from one trained network for each: a classifier of single snippets there
    would fit by name and shape, and see something else here.

    Args:
        target: keras.Model to change in place, with a tower a stream, such as
            `STFN` with backbones.
        streams: dict of keras.Model by stream of the target: networks with
            one tower, of this stream (flow or warped flow for flow). Layers
            of the towers are found by name, and raw pixels are scaled as
            they do.

    Returns:
        `CopyReport` by the layers of the target. All layers behind its towers
        are `missing`.

    Raises:
        ValueError: if the target has no such tower, or a network of a stream
            has not the one. Nothing is changed then.
    """
    own, have = towers(target), {}
    _check(target, streams, set(own))
    for stream, model in streams.items():
        (tower,) = towers(model).values()
        have.update(layers_by_path(tower, f"{own[stream].name}/"))
    _copy_scalings(target, streams)
    return copy_matching(have, layers_by_path(target))


def behind_towers(model: keras.Model) -> set:
    """What stands behind the towers of a network that does more there than
    join and classify: networks over features with backbones inside.

    Args:
        model: keras.Model.

    Returns:
        set of str, by `towers.layers_by_path`: layers with weights. Empty
        where all of them classify, or join streams or the scores of segments,
        and in a network whose towers are no models of their own.
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
    """What trained networks of one stream need not have.

    Args:
        model: keras.Model of several streams.

    Returns:
        set of str, by `towers.layers_by_path`: classifiers, layers that join
        streams or filter over time, and those that a fusion gives other
        channels.
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
    """Names of the layers with weights that see the input of a model as it
    is, or only pooled, padded or rectified."""
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
    """Layers that ought to have been copied and were not.

    Args:
        report: `CopyReport`.
        new: paths of layers that may stay random. Defaults to `()`.

    Returns:
        list of str, those of other shapes with both shapes.
    """
    return [
        layer
        for layer in (*report.mismatched, *report.missing)
        # What is mismatched is followed by both shapes.
        if layer.partition(" ")[0] not in new
    ]


def _copy_scalings(target, streams):
    """Each network has one tower, so it scales the pixels of one stream."""
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
