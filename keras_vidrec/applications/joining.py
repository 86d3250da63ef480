"""Joins a network over features with the networks that compute them."""

import keras

from keras_vidrec.applications.parts import feature_tower
from keras_vidrec.applications.parts import head as heads
from keras_vidrec.specs import Blueprint
from keras_vidrec.specs import Origin
from keras_vidrec.specs import checks
from keras_vidrec.weights.towers import stream_of

# Arguments of the head that do not apply to the joined network: the size of
# features, and training.
_OF_FEATURES = ("features", "input_shape", "auxiliary_outputs")


def join(
    head: keras.Model,
    *,
    rgb: keras.Model | None = None,
    flow: keras.Model | None = None,
    name: str | None = None,
) -> keras.Model:
    """Joins a network over features with the networks that compute the
    features, into one network from pixels to classes.

    ```
    rgb --- [tower of rgb] -- features \\
                                        head -- scores
    flow -- [tower of flow] - features /
    ```

    The input is the one that the features were computed from: snippets are
    positioned around their frame as the head's clip specification states, also
    if the network of a stream was trained with other positions. The result is
    like the head built with its backbones: `describe`, evaluation, prediction,
    Grad-CAM, export and further training work with it. Weights are copied.

    Args:
        head: keras.Model over features: `TSLSTM`, `TemporalInception` or
            `STFN`.
        rgb, flow: `None`, or keras.Model: the network that computes the
            features of this stream. It takes one modality and classifies single
            snippets, such as `TSN`. Each stream of the head needs one. Default
            to `None`.
        name: `None` (the name of the head), or str. Name of the model.
            Defaults to `None`.

    Returns:
        A functional `keras.Model` from a dict of clips by modality, each
        `(batch, num_segments, height, width, channels)` (for one stream, from
        the clips), to the output of the head.

    Raises:
        ValueError: if the networks do not fit together (streams, number of
            features, crops, frames, flow, or lengths of snippets), or the head
            was trained on features of other networks.

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
            f"The network takes features of {' and '.join(streams)}. Expected "
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
                f"{stream}, as the head takes. Received: "
                f"{networks[stream].name!r} with {size}"
            )
        inputs[modality], features[stream] = clips, found
    # A list: the features have other names than the inputs of the head.
    part = keras.Model(seen, head.output)
    model = _with_head(part, inputs, list(features.values()), name or head.name)
    layer = heads.predictions_layer(model)
    layer.clip_spec = spec
    layer.blueprint = _blueprint(described.blueprint, streams, spec, facts)
    layer.origin = _origin(described.origin or Origin(), parts, facts)
    return model


def features_layer(modality):
    """Returns the name of the layer of a joined network whose output is the
    features of a modality, `(batch, num_segments, features)`."""
    return f"{modality}_features"


def streams_of(head):
    """Returns the streams of a network over features, in the order of its
    inputs: tuple of str.

    Raises:
        ValueError: if it is not a network over features.
    """
    spec = heads.describe(head).clip_spec
    inputs = keras.tree.flatten(head.input)
    if spec is None or any(len(tensor.shape) != 3 for tensor in inputs):
        raise ValueError(
            "Expected a network over features (batch, num_segments, features) "
            "with a clip specification, such as TSLSTM. Received: "
            f"head={head.name!r}"
        )
    return spec.modalities


def _in_order(head, streams):
    """Returns the inputs of a head as a list in the order of the streams."""
    if isinstance(head.input, dict):
        return [head.input[stream] for stream in streams]
    return keras.tree.flatten(head.input)


def _makers(origin):
    """Returns a dict that contains, by stream, the `Origin` of the networks
    that computed the features of a head with this origin."""
    features = origin.parents.get("features", Origin())
    return {**features.parents, **origin.parents}


def _check_origin(origin, parts):
    """Raises a `ValueError` if the head was trained on features of other
    networks."""
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
    """Returns the origin of the joined network: that of the head, with the
    networks that it does not list as further parents. Its fingerprint is set
    when the network is saved."""
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
    """Returns the `ClipSpec` of the joined network: that of the head, with the
    images of the networks of all streams."""

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
    # The snippet length does not matter for rgb, nor the method of flow for
    # streams other than flow.
    motion = [s for s, spec in specs.items() if spec.modalities != ("rgb",)]
    flow = of_head.flow
    if "flow" in specs:
        flow = specs["flow"].flow
        checks.check(
            flow == of_head.flow,
            "flow",
            f"a network trained on the flow of the head ({of_head.flow})",
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
    """Returns the `Blueprint` of the head built with its backbones, `None` if
    that of the head is not known."""
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
    """Returns the input of a stream and its features, computed by a copy of
    the network whose layers are named after the stream."""
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
    """Returns the joined network: a copy of the head on the features of the
    towers."""
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
    # Keras has called the layers twice; in the new model they have one call.
    joined = keras.Model.from_config(model.get_config())
    joined.set_weights(model.get_weights())
    return joined
