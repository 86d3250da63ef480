"""What an exported network can be called with, and what it returns."""

import contextlib

import keras
import tensorflow as tf

from keras_vidrec.applications import late_fusion
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.evaluation import protocols
from keras_vidrec.layers.tvl1_optical_flow import TVL1OpticalFlow

# Of what `late_fusion.clips_of_frames` makes.
_FROM_FRAMES = {"rgb", "rgb_diff", "flow"}


class Endpoint:
    """A network as a function of raw clips.

    Args:
        name: str. Name of the signature.
        model: keras.Model to a dict of `logits`, of `snippet_logits` where the
            network judges snippets one by one, and of `flow` where it is made
            inside.
        spec: `None`, or `ClipSpec` of the clips it takes.
        temperature: float. What logits are divided by before the activation.
        multi_label: bool. Whether classes have a sigmoid each, no softmax.
        sizes: `None` (open where the network leaves them open), or tuple of
            int: batch, segments, height and width. Defaults to `None`.

    Attributes:
        inputs: list of tf.TensorSpec: pixels are uint8, features of images as
            they are.
        scores: str. The output that a test averages: `"snippet_logits"`, or
            `"logits"` of whole clips.
    """

    def __init__(
        self, name, model, spec, temperature, multi_label=False, sizes=None
    ):
        self.name = name
        self.model = model
        self.spec = spec
        self._temperature = temperature
        self._multi_label = multi_label
        self.inputs = [
            tf.TensorSpec(
                _fixed((None, *tensor.shape[1:]), sizes),
                tf.uint8 if len(tensor.shape) == 5 else tensor.dtype,
                name=tensor.name,
            )
            for tensor in keras.tree.flatten(model.input)
        ]
        singly = "snippet_logits" in model.output
        self.scores = "snippet_logits" if singly else "logits"

    def modality(self, tensor):
        """What an input of this name shows: the one modality of a network of
        one input, by any name."""
        if self.spec is None or tensor.name in self.spec.modalities:
            return tensor.name
        (modality,) = self.spec.modalities
        return modality

    @property
    def makes_flow(self):
        """Whether flow is made inside."""
        return "flow" in self.model.output

    @property
    def num_classes(self):
        """How many probabilities a clip gets."""
        return self.model.output["logits"].shape[-1]

    def __call__(self, *clips):
        """Dict of `probabilities` `(batch, classes)`, float32, of what
        `scores` names, `(batch, segments, classes)` of snippets and `(batch,
        classes)` of clips, and of the `flow` that was made inside, in the
        8-bit code."""
        clips = keras.tree.pack_sequence_as(self.model.input, clips)
        outputs = self.model(clips, training=False)
        logits, scores = (
            keras.ops.cast(outputs[name], "float32")
            for name in ("logits", self.scores)
        )
        activation = keras.ops.softmax
        if self._multi_label:
            activation = keras.ops.sigmoid
        found = {
            "probabilities": activation(logits / self._temperature),
            self.scores: scores,
        }
        if self.makes_flow:
            found["flow"] = keras.ops.cast(outputs["flow"], "uint8")
        return found


def of_clips(model, still=False):
    """The endpoint `serving_default`, which takes what the network takes.

    Args:
        model: keras.Model of this package.
        still: bool. Whether it takes one clip at a time, of fixed segments and
            size: those of its test where it judges whole clips, else of its
            training. Defaults to `False`.

    Raises:
        ValueError: if the model has no class scores, or does not tell what
            clips it takes and these are to be fixed.
    """
    scores = _scores_model(model)
    outputs = dict(scores.output)
    for layer in scores.layers:
        if isinstance(layer, TVL1OpticalFlow):
            outputs["flow"] = layer.output
    return Endpoint(
        "serving_default",
        keras.Model(scores.input, outputs, name=model.name),
        describe(model).clip_spec,
        describe(model).temperature,
        describe(model).multi_label,
        _sizes(model, "snippet_logits" in outputs) if still else None,
    )


def _fixed(shape, sizes):
    """A shape with sizes where it is open; channels have theirs."""
    if sizes is None:
        return shape
    return (*(own or one for own, one in zip(shape[:-1], sizes)), shape[-1])


def _sizes(model, singly):
    described = describe(model)
    spec = described.clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network that tells what clips it takes, where their "
            f"sizes are to be fixed. Received: model={model.name!r} without a "
            "clip specification"
        )
    segments = spec.num_segments
    if not singly and described.test_protocol is not None:
        segments = protocols.of(model)[0].num_segments
    return (1, segments, spec.size, spec.size)


def of_frames(model):
    """The endpoint `serve_frames`, which makes the flow itself, of raw frames
    as the modality `"rgb_diff"` has them; `None` for a network that sees no
    flow, or flow that is not made by TV-L1 of frames alone, or features."""
    described = describe(model)
    spec = described.clip_spec
    if spec is not None:
        spec = spec.tested_by(described.test_protocol)
    inputs = keras.tree.flatten(model.input)
    if (
        spec is None
        or "flow" not in spec.modalities
        or not {*spec.modalities} <= _FROM_FRAMES
        or spec.flow.method != "tvl1"
        or any(len(tensor.shape) != 5 for tensor in inputs)
    ):
        return None
    channels = spec.channels("rgb_diff")
    frames = keras.Input((*inputs[0].shape[1:4], channels), name="frames")
    clips = late_fusion.clips_of_frames(frames, spec)
    seen = clips["flow"]
    if isinstance(model.input, dict):
        seen = {modality: clips[modality] for modality in model.input}
    return Endpoint(
        "serve_frames",
        keras.Model(
            frames,
            {**_scores_model(model)(seen), "flow": clips["flow"]},
        ),
        spec.replace(modalities=("rgb_diff",)),
        described.temperature,
        described.multi_label,
    )


def _scores_model(model):
    # One form for every network: auxiliary outputs and the activation go.
    model = inference_model(model)
    outputs = {"logits": clip_logits_model(model).output}
    spec = describe(model).clip_spec
    if spec is None or not spec.ordered:
        # An unknown network may only classify whole clips.
        with contextlib.suppress(ValueError):
            snippets = snippet_logits_model(model)
            outputs["snippet_logits"] = snippets.output
    return keras.Model(model.input, outputs, name=model.name)


def save_plain(endpoint, directory):
    """Writes a SavedModel with this signature alone, for converters."""
    archive = keras.export.ExportArchive()
    archive.track(endpoint.model)
    archive.add_endpoint(
        endpoint.name,
        lambda *clips: endpoint(*clips),
        input_signature=endpoint.inputs,
    )
    archive.write_out(str(directory), verbose=False)
