"""The endpoints of an export: its signatures with their inputs and outputs."""

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

# The modalities that `late_fusion.clips_of_frames` makes from frames.
_FROM_FRAMES = {"rgb", "rgb_diff", "flow"}


class Endpoint:
    """A network as a function of raw clips.

    Args:
        name: str. Name of the signature.
        model: keras.Model whose output is a dict of `logits`, of
            `snippet_logits` if the network scores snippets one by one, and of
            `flow` if the network computes flow itself.
        spec: `None`, or `ClipSpec` of the clips it takes.
        temperature: float. Logits are divided by it before the activation.
        multi_label: bool. Whether the activation is a sigmoid for each class
            instead of a softmax. Defaults to `False`.
        sizes: `None` (axes of unknown size in the network stay unknown), or
            tuple of int: batch, segments, height and width for these axes.
            Defaults to `None`.

    Attributes:
        inputs: list of tf.TensorSpec. Images are uint8; features have the type
            of the network's input.
        scores: str. The output that a test averages: `"snippet_logits"`, or
            `"logits"` if the network scores whole clips.
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
        """Returns the modality of an input: str.

        Args:
            tensor: tf.TensorSpec, one of `inputs`. If its name is no modality,
                the network has one modality only, which is returned.
        """
        if self.spec is None or tensor.name in self.spec.modalities:
            return tensor.name
        (modality,) = self.spec.modalities
        return modality

    @property
    def makes_flow(self):
        """Whether the network computes optical flow itself: bool."""
        return "flow" in self.model.output

    @property
    def num_classes(self):
        """Number of classes: int."""
        return self.model.output["logits"].shape[-1]

    def __call__(self, *clips):
        """Computes the outputs for a batch of clips.

        Args:
            *clips: tensors in the order of `inputs`.

        Returns:
            dict of tensors: `probabilities`, float32 `(batch, classes)`; the
            logits under the name `scores`, float32, `(batch, segments,
            classes)` for `"snippet_logits"` or `(batch, classes)` for
            `"logits"`; and, if the network computes flow itself, `flow`, uint8
            in the 8-bit code.
        """
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
    """Returns the endpoint `serving_default`, with the inputs of the network.

    Args:
        model: keras.Model of this package.
        still: bool. Whether it takes one clip at a time, with a fixed number of
            segments and a fixed size: those of its test if it scores whole
            clips, else those of its training. Defaults to `False`.

    Returns:
        `Endpoint`.

    Raises:
        ValueError: if the model has no class scores, or if `still` is `True`
            and the model has no `ClipSpec`.
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
    """Returns a shape whose unknown axes, except channels, have `sizes`."""
    if sizes is None:
        return shape
    return (*(own or one for own, one in zip(shape[:-1], sizes)), shape[-1])


def _sizes(model, singly):
    """Returns batch, segments, height and width of clips: with the segments of
    training if snippets are scored one by one (`singly`), else of the test."""
    described = describe(model)
    spec = described.clip_spec
    if spec is None:
        raise ValueError(
            "The sizes of clips cannot be fixed. Expected a network with a "
            f"clip specification. Received: model={model.name!r} without a "
            "clip specification"
        )
    segments = spec.num_segments
    if not singly and described.test_protocol is not None:
        segments = protocols.of(model)[0].num_segments
    return (1, segments, spec.size, spec.size)


def of_frames(model):
    """Returns the endpoint `serve_frames`, which computes flow from frames.

    Args:
        model: keras.Model of this package.

    Returns:
        `Endpoint` with the input `frames`, uint8 `(batch, segments, height,
        width, 3 * (snippet_length + 1))`, as in the modality `"rgb_diff"`; or
        `None` if the network does not take flow, takes features, has a
        modality that cannot be made from frames, or was trained with flow of
        another method than TV-L1.
    """
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
    """Returns the network with the outputs `logits` and, if it can score
    snippets one by one, `snippet_logits`: without auxiliary outputs and
    without the activation."""
    model = inference_model(model)
    outputs = {"logits": clip_logits_model(model).output}
    spec = describe(model).clip_spec
    if spec is None or not spec.ordered:
        # A network without a clip specification may classify whole clips only.
        with contextlib.suppress(ValueError):
            snippets = snippet_logits_model(model)
            outputs["snippet_logits"] = snippets.output
    return keras.Model(model.input, outputs, name=model.name)


def save_plain(endpoint, directory):
    """Writes a SavedModel with the signature of one endpoint only, as input
    of the converters to other formats."""
    archive = keras.export.ExportArchive()
    archive.track(endpoint.model)
    archive.add_endpoint(
        endpoint.name,
        lambda *clips: endpoint(*clips),
        input_signature=endpoint.inputs,
    )
    archive.write_out(str(directory), verbose=False)
