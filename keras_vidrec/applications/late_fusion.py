"""Fuses trained networks of several streams into one network."""

import collections.abc
import logging
import typing

import keras

from keras_vidrec.applications.parts import head
from keras_vidrec.applications.parts.feature_tower import fingerprint
from keras_vidrec.layers.class_scores import ClassScores
from keras_vidrec.layers.tvl1_optical_flow import TVL1OpticalFlow
from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks

logger = logging.getLogger("keras_vidrec")

_FLOWS = ("flow", "warped_flow")
# Fields of the origin of a fusion that are set if all networks have the same
# value.
_IN_COMMON = (
    "videos",
    "content",
    "split",
    "training_list",
    "trained_on",
    "decoder",
)

# In tests, crops of 224 pixels are cut from frames whose shorter side is 256;
# other sizes have the same ratio.
_FRAME_OF_CROP = 256 / 224


def LateFusion(
    networks: collections.abc.Mapping[str, keras.Model],
    fusion_weights: collections.abc.Mapping[str, float] | None = None,
    flow_from: typing.Literal["rgb"] | None = None,
    name: str = "late_fusion",
) -> keras.Model:
    """Fuses trained networks of several streams before the softmax.

    ```
    rgb ---------- [network] -- scores \\
    flow --------- [network] -- scores -- weighted mean -- softmax
    warped_flow -- [network] -- scores /
    ```

    Each network gets the same segments of the video in its own modality. Their
    logits are averaged with the weights: the predicted classes are those of the
    papers' weighted sum, and the probabilities are on the scale of a single
    stream. Variables are shared with the networks.

    The result is a network like any other: `describe`, evaluation, prediction
    and export work on it. Its inputs are a dict by modality. The clip
    specification is that of the networks together; its number of segments is
    the largest that one of them was trained with.

    With `flow_from="rgb"` flow is computed inside, by TV-L1, so that one file
    goes from raw frames to classes. There is one input then, named `rgb`, of `3
    * (snippet_length + 1)` channels: the neighboring frames of the modality
    `"rgb_diff"`, which is the modality of the clip specification. Flow comes
    from all of them, rgb is the frame at the index of the snippet (the first
    one of a forward snippet). Flow is then computed on the cropped frames,
    which must have the size of the clip specification, and is scaled to the
    pixels of the flow network's training frames (`frame`). Scores differ from
    those on flow of whole frames, more so for smaller crops: at 64 pixels much
    motion is too small to detect.

    Args:
        networks: dict from a modality to a trained keras.Model with only this
            input, at least two.
        fusion_weights: `None` (the same), or dict of positive numbers. Weights
            of the streams in the joint `predictions`. Keys are the modalities
            of `networks`. TSN: 1 for rgb and 1.5 for flow, or 1, 1 and 0.5 with
            warped flow. Defaults to `None`.
        flow_from: `None`, or `"rgb"` to compute flow inside. Defaults to
            `None`.
        name: str. Name of the model. Defaults to `"late_fusion"`.

    Returns:
        A functional `keras.Model` from `{modality: clips}` (from the one clip
        with `flow_from`), each `(batch, num_segments, height, width,
        channels)`, to probabilities `(batch, classes)`: of a softmax, or of
        networks for several labels per clip each by its sigmoid. Thresholds are
        not copied, because they were chosen for the scores of one stream.

    Raises:
        ValueError: if the networks do not fit together: they have different
            classes, one or several labels per clip, different sizes, sampling,
            flow, lengths of snippets, or tests.

    Example:

    ```python
    model = LateFusion({"rgb": rgb, "flow": flow}, {"rgb": 1, "flow": 1.5})
    model.predict({"rgb": frames, "flow": motion})  # (batch, classes)
    ```

    Reference:
        - [Wang et al., 2016](https://arxiv.org/abs/1608.00859), section 3.3;
          weights from section 4.2 and the authors' code.
    """
    networks = _checked(networks)
    fusion = head.score_fusion(
        tuple(networks), fusion_weights, "logits", "fusion"
    )
    described = {m: head.describe(network) for m, network in networks.items()}
    specs = {m: facts.clip_spec for m, facts in described.items()}
    class_names = _agreed(
        "class_names", {m: facts.class_names for m, facts in described.items()}
    )
    _agreed(
        "number of classes",
        {m: head.predictions_layer(n).classes for m, n in networks.items()},
    )
    several = _agreed(
        "number of labels a clip",
        {
            m: "several" if facts.multi_label else "one"
            for m, facts in described.items()
        },
    )
    spec = _joint_spec(specs)
    if flow_from is not None:
        _check_flow_from(flow_from, spec)
        spec = spec.replace(modalities=("rgb_diff",))
    test = _agreed(
        "test", {m: facts.test_protocol for m, facts in described.items()}
    )
    spec = spec.tested_by(test)
    inputs, clips = _inputs(networks, spec)

    scores = []
    for modality, network in networks.items():
        logits = head.snippet_logits_model(network).output
        stream = keras.Model(
            network.input,
            [logits, head.predictions_layer(network).input],
            # The input has the name of the modality already.
            name=f"{modality}_tower",
        )
        scores.append(stream(clips[modality]))
    _, fused = fusion(scores)
    given = {"fusion_weights": fusion_weights, "flow_from": flow_from}
    predictions = ClassScores(
        "sigmoid" if several == "several" else "softmax",
        class_names,
        clip_spec=spec,
        test_protocol=test,
        blueprint=Blueprint(
            "LateFusion",
            {key: value for key, value in given.items() if value is not None},
            {
                modality: facts.blueprint.backbones.get(modality)
                for modality, facts in described.items()
                if facts.blueprint is not None
            },
        ),
        origin=_origin(networks, described),
        name="predictions",
    )(fused)
    return keras.Model(inputs, predictions, name=name)


def clips_of_frames(frames, spec):
    """Returns the inputs of networks of rgb, rgb differences and flow for the
    same frames. Flow is computed by TV-L1.

    Args:
        frames: KerasTensor `(batch, num_segments, height, width, 3 *
            (snippet_length + 1))` of raw pixels, cropped to `spec.size`.
        spec: `ClipSpec` of the networks.

    Returns:
        dict of KerasTensors by modality: `rgb`, `rgb_diff` and `flow`.
    """
    first = 3 * spec.images_before
    return {
        "rgb": frames[..., first : first + 3],
        "rgb_diff": frames,
        "flow": TVL1OpticalFlow(
            bound=spec.flow.bound * _motion_scale(spec), name="optical_flow"
        )(frames),
    }


def _checked(networks):
    """Checks the argument `networks` and returns it as a dict."""
    checks.check(
        isinstance(networks, dict) and len(networks) > 1,
        "networks",
        "a dict of at least two networks by modality",
        networks,
    )
    for modality, network in networks.items():
        if modality not in MODALITIES:
            raise ValueError(
                f"Invalid `networks`. Expected keys of {MODALITIES}. "
                f"Received: {modality!r}"
            )
        spec = head.describe(network).clip_spec
        if spec is None or spec.modalities != (modality,):
            seen = "no clip specification" if spec is None else spec.modalities
            raise ValueError(
                f"Expected a network that takes {modality} and nothing else. "
                f"Received: networks[{modality!r}]={network.name!r} with {seen}"
            )
        shape = getattr(network.input, "shape", None)
        channels = spec.channels(modality)
        if shape is None or len(shape) != 5 or shape[-1] != channels:
            raise ValueError(
                "Expected a network of one input (batch, num_segments, height, "
                f"width, {channels}) of raw pixels. Received: "
                f"networks[{modality!r}]={network.name!r} with an input of "
                f"{shape}"
            )
    return dict(networks)


def _agreed(what, values):
    """Returns the value that all streams have; raises a `ValueError` if they
    have different ones. `values` is a dict by stream."""
    first, *others = values.values()
    if any(value != first for value in others):
        raise ValueError(
            f"Expected networks of the same {what}. Received: {values}"
        )
    return first


def _joint_spec(specs):
    """Returns the `ClipSpec` of all streams together."""

    def agreed(field, modalities=tuple(specs)):
        values = {m: getattr(specs[m], field) for m in specs if m in modalities}
        return _agreed(field, values) if values else None

    # Length and alignment of snippets do not matter for rgb, nor the method of
    # flow for streams other than flow.
    motion = tuple(modality for modality in specs if modality != "rgb")
    first = specs[motion[0]]
    return first.replace(
        modalities=tuple(specs),
        num_segments=max(spec.num_segments for spec in specs.values()),
        snippet_length=agreed("snippet_length", motion),
        alignment=agreed("alignment", motion),
        stride=agreed("stride"),
        sampling=agreed("sampling"),
        size=agreed("size"),
        frame=agreed("frame"),
        flow=agreed("flow", _FLOWS) or first.flow,
        ordered=agreed("ordered"),
    )


def _origin(networks, described):
    """Returns the `Origin` of the fusion: the facts that the networks have in
    common, and the networks as parents."""
    origins = [facts.origin or Origin() for facts in described.values()]
    common = {}
    for field in _IN_COMMON:
        first, *others = (getattr(origin, field) for origin in origins)
        common[field] = first if all(x == first for x in others) else None
    versions = {}
    for origin in origins:
        versions.update(origin.versions)
    parents = {}
    for (modality, network), origin in zip(networks.items(), origins):
        # Computing the fingerprint reads all weights: not for untrained ones.
        is_known = described[modality].origin is not None
        weights = fingerprint(network) if is_known else None
        parents[modality] = origin.replace(kind="network", fingerprint=weights)
    lists = {m: o.training_list for m, o in parents.items() if o.training_list}
    if len({*lists.values()}) > 1:
        logger.warning(
            "The networks were trained on different videos (%s): training "
            "videos of one may be test videos of another.",
            ", ".join(f"{m}: split {parents[m].split}" for m in lists),
        )
    return Origin(
        "network", **common, parents=parents, versions=versions
    ).without_repeats()


def _check_flow_from(flow_from, spec):
    checks.choice("flow_from", flow_from, (None, "rgb"))
    if not {"rgb", "flow"} <= {*spec.modalities}:
        raise ValueError(
            'flow_from="rgb" computes flow from frames. Expected networks of '
            f"rgb and of flow. Received: {spec.modalities}"
        )
    if "warped_flow" in spec.modalities:
        raise ValueError(
            'flow_from="rgb" does not remove the motion of the camera. '
            f"Expected no warped_flow. Received: {spec.modalities}"
        )
    if spec.flow.method != "tvl1":
        raise ValueError(
            'flow_from="rgb" computes flow by TV-L1. Expected a network '
            "trained on flow of this method. Received: "
            f"method={spec.flow.method!r}"
        )


def _inputs(networks, spec):
    """Returns the inputs of the fusion, and a dict of the clips of each
    network."""
    sizes = _joint_sizes(networks)
    if spec.modalities == tuple(networks):
        inputs = {
            modality: keras.Input(
                (*sizes, spec.channels(modality)),
                dtype=network.input.dtype,
                name=modality,
            )
            for modality, network in networks.items()
        }
        return inputs, inputs
    frames = keras.Input(
        (*sizes, spec.channels("rgb_diff")),
        dtype=networks["rgb"].input.dtype,
        name="rgb",
    )
    clips = clips_of_frames(frames, spec)
    return frames, clips


def _motion_scale(spec):
    """Returns the ratio of motion in a crop to motion in the frames that the
    flow network was trained on, in pixels."""
    return spec.size * _FRAME_OF_CROP / spec.frame.short_side


def _joint_sizes(networks):
    """Returns the number of segments, height and width of the inputs, `None`
    where all networks accept any."""
    sizes = []
    for axis in (1, 2, 3):
        known = {
            modality: network.input.shape[axis]
            for modality, network in networks.items()
            if network.input.shape[axis] is not None
        }
        what = ("number of segments", "height", "width")[axis - 1]
        sizes.append(_agreed(what, known) if known else None)
    return tuple(sizes)
