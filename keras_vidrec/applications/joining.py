"""A network over features, and the networks that make them, as one."""

import keras

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts import head as heads
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.weights.towers import stream_of

# Arguments that say how large features are, or that are about training.
_OF_FEATURES = ("features", "input_shape", "auxiliary_outputs")


def join(
    head: keras.Model,
    *,
    rgb: keras.Model | None = None,
    flow: keras.Model | None = None,
    name: str | None = None,
) -> keras.Model:
    """Joins a network over features with the networks that make the features,
    into one network from pixels to classes.

    ```
    rgb --- [tower of rgb] -- features \\
                                        head -- scores
    flow -- [tower of flow] - features /
    ```

    The input is that used for the features: a snippet is placed around its
    frame as stored in the head, whatever the network of its stream was trained
    on. The result is like the head built with its backbones inside: `describe`,
    evaluation, prediction, Grad-CAM and export work on it, and so does further
    training. Weights are copied.

    Args:
        head: keras.Model over features: `TSLSTM`, `TemporalInception` or
            `STFN`.
        rgb, flow: `None`, or keras.Model: the network that makes the features
            of this stream, one of a single modality that classifies single
            snippets, such as `TSN`. One for each stream of the head. Default
            to `None`.
        name: `None`, or str. Name of the model. Defaults to that of the head.

    Returns:
        A functional `keras.Model` from clips by modality, each `(batch,
        num_segments, height, width, channels)` (of one stream, from the
        clips), to what the head gives.

    Raises:
        ValueError: if the networks do not fit each other: other streams,
            another number of features; other crops, frames, flow or lengths of
            snippets; or if the head was trained on features of others.

    Example:

    ```python
    model = keras_vidrec.applications.join(head, rgb=rgb, flow=flow)
    model.predict({"rgb": frames, "flow": motion})  # (batch, classes)
    ```
    """
    head = heads.inference_model(head)
    described = heads.describe(head)
    streams = streams_of(head)
    given = {"rgb": rgb, "flow": flow}
    networks = {s: found for s, found in given.items() if found is not None}
    if set(networks) != set(streams):
        raise ValueError(
            f"The network sees features of {' and '.join(streams)}. Expected "
            f"a network for each of them. Received: {tuple(networks)}"
        )
    networks = {stream: networks[stream] for stream in streams}
    parts = {s: feature_tower.features_of(n, s) for s, n in networks.items()}
    _check_origin(described.origin, parts)
    facts = {s: heads.describe(network) for s, network in networks.items()}
    spec = _joint_spec(
        described.clip_spec, {s: fact.clip_spec for s, fact in facts.items()}
    )
    inputs, features = {}, {}
    seen = _in_order(head, streams)
    for stream, modality, wanted in zip(streams, spec.modalities, seen):
        clips, found = _tower(parts[stream], modality, wanted.shape[1])
        size = found.shape[-1]
        if size != wanted.shape[-1]:
            raise ValueError(
                f"Expected a network of {wanted.shape[-1]} features of "
                f"{stream}, as the head sees. Received: "
                f"{networks[stream].name!r} with {size}"
            )
        inputs[modality], features[stream] = clips, found
    # By position: the features have other names than the inputs of the head.
    part = keras.Model(seen, head.output)
    model = _with_head(part, inputs, list(features.values()), name or head.name)
    layer = heads.predictions_layer(model)
    layer.clip_spec = spec
    layer.blueprint = _blueprint(described.blueprint, streams, spec, facts)
    layer.origin = _origin(described.origin or Origin(), parts, facts)
    return model


def features_layer(modality):
    """Name of the layer of a joined network that gives the features of a
    modality, `(batch, num_segments, features)`."""
    return f"{modality}_features"


def streams_of(head):
    """The streams of a network over features, in the order of its inputs.

    Raises:
        ValueError: if it is none.
    """
    spec = heads.describe(head).clip_spec
    inputs = keras.tree.flatten(head.input)
    if spec is None or any(len(tensor.shape) != 3 for tensor in inputs):
        raise ValueError(
            "Expected a network over features (batch, num_segments, features) "
            "that knows what it wants to see, such as TSLSTM. Received: "
            f"head={head.name!r}"
        )
    return spec.modalities


def _in_order(head, streams):
    """The inputs of a head, one per stream."""
    if isinstance(head.input, dict):
        return [head.input[stream] for stream in streams]
    return keras.tree.flatten(head.input)


def _makers(origin):
    """The networks that made the features of a head, by stream, from its
    origin.
    """
    features = origin.parents.get("features", Origin())
    return {**features.parents, **origin.parents}


def _check_origin(origin, parts):
    """Refuses networks whose features the head has never seen."""
    known = _makers(origin or Origin())
    for stream, part in parts.items():
        made = feature_tower.fingerprint(part)
        maker = known.get(stream, Origin()).fingerprint
        if maker not in (None, made):
            raise ValueError(
                "The head was trained on features of another network. "
                f"Expected for {stream} the one of the fingerprint "
                f"{maker}. Received: {part.name!r} with {made}"
            )


def _origin(of_head, parts, facts):
    """The origin of the head, with the networks that it does not list as
    parents. Its fingerprint it gets when it is saved.
    """
    makers = _makers(of_head)
    new = {
        stream: (facts[stream].origin or Origin()).replace(
            kind="network", fingerprint=feature_tower.fingerprint(part)
        )
        for stream, part in parts.items()
        if getattr(makers.get(stream), "fingerprint", None) is None
    }
    return of_head.replace(
        kind="network", fingerprint=None, parents={**of_head.parents, **new}
    ).without_repeats()


def _joint_spec(of_head, specs):
    """What is seen: of all streams, as for the features."""

    def agreed(field, streams=tuple(specs)):
        values = {s: getattr(specs[s], field) for s in streams if s in specs}
        first, *others = values.values()
        if any(value != first for value in others):
            raise ValueError(
                f"A clip has one {field}. Expected networks of the same. "
                f"Received: {values}"
            )
        return first

    modalities = tuple(spec.modalities[0] for spec in specs.values())
    # A single frame has no length, and only flow is made in some way.
    motion = [s for s, spec in specs.items() if spec.modalities != ("rgb",)]
    flow = of_head.flow
    if "flow" in specs:
        flow = specs["flow"].flow
        checks.check(
            flow == of_head.flow,
            "flow",
            f"a network of flow as the head knows it ({of_head.flow})",
            flow,
        )
    return of_head.replace(
        modalities=modalities,
        snippet_length=agreed("snippet_length", motion) if motion else 1,
        frame=agreed("frame"),
        size=agreed("size"),
        flow=flow,
    )


def _blueprint(of_head, streams, spec, facts):
    """Which network it is: the head with its backbones inside."""
    if of_head is None:
        return None
    backbones = {}
    for stream, modality in zip(streams, spec.modalities):
        blueprint = facts[stream].blueprint
        found = {} if blueprint is None else blueprint.backbones
        backbones[modality] = next(iter(found.values()), None)
    arguments = {
        key: value
        for key, value in of_head.arguments.items()
        if key not in _OF_FEATURES
    }
    arguments["backbone"] = {
        stream: backbone or {"keras_model": stream}
        for stream, backbone in zip(streams, backbones.values())
    }
    return Blueprint(of_head.application, arguments, backbones)


def _tower(part, modality, num_segments):
    """The input of a stream and its features, by layers of its own that are
    called for the stream."""
    _, *sizes, channels = part.input.shape[1:]
    clips = keras.Input(
        (num_segments, *sizes, channels), dtype=part.input.dtype, name=modality
    )

    last = part.output._keras_history.operation

    def named(layer):
        config = layer.get_config()
        if layer is last:
            config["name"] = features_layer(modality)
        elif stream_of(layer.name) == modality:
            config["name"] = f"{modality}_tower"
        elif not layer.name.startswith(f"{modality}_"):
            config["name"] = f"{modality}_{layer.name}"
        return type(layer).from_config(config)

    model = keras.models.clone_model(part, clips, clone_function=named)
    model.set_weights(part.get_weights())
    return clips, model.output


def _with_head(part, inputs, features, name):
    """The head, by layers of its own, on features that towers make."""
    last = {}

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        last[layer.name] = outputs
        return outputs

    own = keras.models.clone_model(part, features, call_function=call)
    own.set_weights(part.get_weights())
    if len(inputs) == 1:
        (inputs,) = inputs.values()
    model = keras.Model(inputs, last["predictions"], name=name)
    # Keras has called the layers of `own` twice: `own` has a single call.
    joined = keras.Model.from_config(model.get_config())
    joined.set_weights(model.get_weights())
    return joined
