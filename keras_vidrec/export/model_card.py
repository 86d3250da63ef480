"""The model card of an export."""

import datetime
import importlib.metadata
import pathlib

from keras_vidrec.data import leaks
from keras_vidrec.export import forms
from keras_vidrec.export import manifest
from keras_vidrec.export import predict_file
from keras_vidrec.reporting import chain
from keras_vidrec.reporting.measuring import measurement
from keras_vidrec.reporting.measuring import size as sizes
from keras_vidrec.specs import THRESHOLD
from keras_vidrec.training import environment

# The files of an export: the network, by format, and the others.
FILES = {
    "saved_model": "saved_model.pb",
    "onnx": "model.onnx",
    "litert": "model.tflite",
    "openvino": "model.xml",
    "torch": "model.pt2",
}
NAMES_FILE = "labels.txt"
THRESHOLDS_FILE = "thresholds.txt"
CARD_FILE = "README.md"
# Number of best classes in the output of a SavedModel.
TOP = 5

_TITLES = {
    "saved_model": "TensorFlow SavedModel",
    "onnx": "ONNX",
    "litert": "LiteRT (TensorFlow Lite)",
    "openvino": "OpenVINO IR",
    "torch": "a program of torch.export",
}
_LIBRARIES = {
    "saved_model": (),
    "onnx": ("onnx", "tf2onnx", "onnxruntime"),
    "litert": ("ai-edge-litert",),
    "openvino": ("openvino",),
    "torch": ("torch",),
}

# The package that `predict.py` needs to run each format.
_RUNTIMES = {
    "saved_model": "tensorflow",
    "onnx": "onnxruntime",
    "litert": "ai-edge-litert",
    "openvino": "openvino",
    "torch": "torch",
}

# Titles of figures by their names in `metrics.summary`.
_FIGURES = {
    "top_1": "top-1",
    "top_5": "top-5",
    "mean_class_accuracy": "mean class",
    "mean_average_precision": "mean average precision",
    "micro_f1": "micro F1",
    "mean_class_f1": "mean class F1",
}

_PIXELS = {
    "rgb": "R G B, 0..255",
    "rgb_diff": "{images} neighboring frames, R G B each, 0..255",
    "flow": "x and y of {images} flow fields in turn, coded in 0..255: "
    "`rint(255 (v + {bound:g}) / {twice:g})` for v pixels, 128 is no motion",
}
_PIXELS["warped_flow"] = _PIXELS["flow"] + "; motion of the camera removed"

# Signatures that do not take clips.
_MORE = {
    "serve_jpeg": "The same frames, (batch, segments * images), encoded as "
    "JPEG.",
    "make_flow": "Gray images, (batch, height, width). It returns their TV-L1 "
    "`flow`, float32, (batch, height, width, 2), in pixels.",
}

_ALIGNMENTS = {
    "forward": "begins at its index",
    "centered": "is centered at its index (if its length is even, with one "
    "more image before the center than after it)",
    "centered_late": "is centered at its index (if its length is even, with "
    "one more image after the center than before it)",
    "backward": "ends at its index",
}


def write(
    form,
    description,
    background,
    endpoints,
    checks,
    origin,
    more=(),
    missing=None,
    reduction=None,
    size=None,
):
    """Returns the text of a model card, in Markdown.

    Args:
        form: `forms.Form`.
        description: `Description` of the network.
        background: `Background` of the network.
        endpoints: sequence of `Endpoint`. The first one takes clips.
        checks: sequence of `parity.Check`.
        origin: `Origin` of the export.
        more: sequence of `JpegFrames` and `FlowMaker`, other signatures.
            Defaults to none.
        missing: `None`, or str: why there is no `predict.py`. Defaults to
            `None`.
        reduction: `None`, or the `Reduction` of a precision other than
            float32. Defaults to `None`.
        size: `None` (unknown: no section on size and speed), or `Size` of the
            network. Defaults to `None`.

    Returns:
        str.
    """
    format = form.format
    parts = [
        f"# {background.name}",
        f"A video classifier of keras-vidrec as {_TITLES[format]}, in "
        f"{form.precision}, for a {form.target}: "
        f"{forms.TARGETS[form.target].text}.",
        "## Use it",
        _use(format, missing, description.clip_spec),
        "## Input",
        *_input(format, description, endpoints, more),
        "## Output",
        _output(format, description, endpoints),
        "## Training",
        _training(background, description.blueprint),
        *_cost(size, background),
        "## Accuracy",
        _accuracy(background, origin),
        "## Origin",
        _origin(origin),
        "## Check of this export",
        _checks(checks, reduction),
        "## Versions",
        _versions(format, background),
        "## License",
        "None is stated. If you publish this network, choose one that the "
        "licenses of the data and of its initial weights allow.",
    ]
    return "\n\n".join(parts) + "\n"


def _use(format, missing, spec):
    if missing is not None:
        return f"There is no `{predict_file.FILE}` for videos: {missing}"
    opencv = "opencv-python-headless"
    moves = {"flow", "warped_flow"} & {*spec.modalities}
    if moves and spec.flow.method == "tvl1" and format != "saved_model":
        # TV-L1 is in OpenCV's contributed modules, and in a SavedModel itself.
        opencv = "opencv-contrib-python-headless"
    return (
        "Predict the classes of videos, as `vidrec predict` does:\n\n```sh\n"
        f"python {predict_file.FILE} VIDEO...\n```\n\n"
        f"`{predict_file.FILE}` needs `pip install numpy av "
        f"{opencv} {_RUNTIMES[format]}` and nothing else. `{manifest.FILE}` "
        "has its settings."
    )


def _input(format, description, endpoints, more):
    for endpoint in endpoints:
        rows = [
            f"Signature `{endpoint.name}`:",
            "",
            "| name | type | shape | values |",
            "| --- | --- | --- | --- |",
        ]
        rows += [
            f"| `{tensor.name}` | {tensor.dtype.name} | "
            f"{_shape(tensor.shape)} | {_values(tensor, endpoint)} |"
            for tensor in endpoint.inputs
        ]
        yield "\n".join(rows)
    for one in more:
        inputs = " and ".join(
            f"`{tensor.name}`, {tensor.dtype.name}" for tensor in one.inputs
        )
        yield f"Signature `{one.name}`: {inputs}. {_MORE[one.name]}"
    if any(endpoint.makes_flow for endpoint in endpoints):
        yield (
            "The network computes TV-L1 flow from the cropped frames, whose "
            f"height and width must be {endpoints[0].spec.size} pixels. Scores "
            "differ from those with flow computed from whole frames."
        )
    spec = description.clip_spec
    if spec is None:
        yield "How the clips of this network are sampled is not known."
        return
    if "flow" in spec.modalities and not endpoints[-1].makes_flow:
        yield _flow(format, spec.flow)
    of = f"{_counted(spec.num_segments, 'segment')} in training"
    images = "frame" if spec.modalities == ("rgb",) else "motion image"
    length = _counted(spec.snippet_length, images)
    yield (
        f"Sampling: `{spec.sampling}`, {of}; a snippet of {length} "
        f"{_ALIGNMENTS[spec.alignment]}. {_frames(spec.frame)} Crops are "
        "squares of 224 / 256 of their shorter side, resized to "
        f"{spec.size} pixels. `{manifest.FILE}` has the details."
    )
    if description.test_protocol is not None:
        yield _test(description.test_protocol.completed(spec), spec)


def _test(test, spec):
    """Describes the test, which the accuracy and `vidrec predict` are based
    on."""
    clips = _counted(test.num_clips, "clip")
    if spec.ordered:
        segments = _counted(test.num_segments, "segment")
        seen = f"{clips} of {segments} (each clip is scored as a whole)"
    else:
        number = test.num_clips * test.num_segments
        seen = f"{_counted(number, 'snippet')} (each is scored separately)"
    stride = "" if test.stride is None else f", {test.stride} frames apart"
    lies = ""
    if test.alignment != spec.alignment and spec.modalities != ("rgb",):
        lies = f" (a snippet {_ALIGNMENTS[test.alignment]})"
    return (
        f"Test: {seen} of each video, sampling `{test.sampling}`{stride}{lies},"
        f" crops `{test.crops}`; their {test.averaged} are averaged. "
        f"`{manifest.FILE}` has the details."
    )


def _frames(frame):
    size = f"{frame.size} pixels, without keeping the aspect ratio"
    if frame.keeps_aspect:
        size = (
            f"a shorter side of {frame.short_side} pixels, keeping the aspect "
            "ratio"
        )
    way = "bilinear interpolation"
    if frame.interpolation == "area":
        way = "area interpolation to shrink and bilinear to enlarge"
    text = f"First, frames are resized to {size}, with {way}"
    if frame.fps is not None:
        text += f"; they are sampled at {frame.fps:g} frames a second"
    if frame.deinterlace is not None:
        text += f"; they are deinterlaced with `{frame.deinterlace}`"
    return f"{text}."


def _flow(format, flow):
    text = (
        f"Flow is made outside, by the method `{flow.method}` on the resized "
        "frames."
    )
    if format == "saved_model" and flow.method != "tvl1":
        text += (
            " There is no signature `serve_frames`: it would compute flow by "
            "TV-L1, and the network was trained on flow of another method."
        )
    return text


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shape(shape):
    axes = ("batch", "segments", "height", "width")
    sizes = [
        str(known) if known else axis for known, axis in zip(shape[:-1], axes)
    ]
    return f"({', '.join([*sizes, str(shape[-1])])})"


def _values(tensor, endpoint):
    spec = endpoint.spec
    if len(tensor.shape) != 5:
        return "features of frames"
    modality = endpoint.modality(tensor)
    if spec is None or modality not in _PIXELS:
        return "raw pixels, 0..255"
    return _PIXELS[modality].format(
        images=spec.num_images(modality),
        bound=spec.flow.bound,
        twice=2 * spec.flow.bound,
    )


def _output(format, description, endpoints):
    first = endpoints[0]
    number = first.num_classes
    of = "softmax over the classes."
    if description.multi_label:
        of = "a sigmoid for each class; a clip may have several, or none."
    lines = [f"- `probabilities`, float32, (batch, {number}): {of}"]
    if description.temperature != 1:
        lines.append(
            "- They are computed from logits divided by "
            f"{description.temperature:.4g}, the temperature that was fitted "
            "on the validation videos."
        )
    if description.multi_label:
        lines.append(_thresholds(description))
    if first.scores == "snippet_logits":
        lines.append(
            f"- `snippet_logits`, float32, (batch, segments, {number}): scores "
            "of each snippet, which the test averages."
        )
    else:
        lines.append(
            f"- `logits`, float32, (batch, {number}): scores of the clip, "
            "which the test averages."
        )
    if format == "saved_model":
        lines.append(
            "- `classes`, string, and `scores`, float32, both (batch, "
            f"{min(TOP, number)}): names and probabilities of the best "
            "classes, the best first."
        )
    if any(endpoint.makes_flow for endpoint in endpoints):
        lines.append(
            "- `flow`, uint8: the flow that the network computes, coded in "
            "0..255, 128 is no motion."
        )
    if description.class_names is not None:
        lines.append(
            f"- `{NAMES_FILE}` lists the classes in this order, one per line."
        )
    return "\n".join(lines)


def _thresholds(description):
    if description.thresholds is None:
        return (
            "- No thresholds were chosen: a class is present if its "
            f"probability is at least {THRESHOLD}."
        )
    return (
        f"- `{THRESHOLDS_FILE}` has a threshold for each class, one per line: "
        "a class is present if its probability is at least the threshold. It "
        "was chosen for the largest F1 on the validation videos."
    )


def _training(background, blueprint):
    recipe = background.recipe
    if recipe is None:
        lines = [
            "Exported from a single file: its recipe and its data are not "
            "known here.",
            "",
            *_network(blueprint),
        ]
        return "\n".join(lines).rstrip()
    lines = [f"- Recipe: `{recipe.name}`. {recipe.summary}".rstrip()]
    lines.extend(_network(blueprint))
    # The card may be published: it has the directory's name, not its path.
    name = pathlib.PurePath(recipe.data.directory or "unknown").name
    lines.append(
        f"- Data: `{name}`, training videos of split {recipe.data.split}"
    )
    lines.append(f"- Seed: {recipe.seed}")
    return "\n".join(lines)


def _cost(size, background):
    """Yields the section on the size of the network and its measured speed."""
    if size is None:
        return
    yield "## Size and speed"
    yield (
        f"- Parameters: {size.parameters:,}\n"
        f"- Multiply-adds: {sizes.short(size.multiply_adds)} for a clip of "
        f"{size.clip_text}"
    )
    if background.measured:
        yield measurement.markdown(background.measured)


def _network(blueprint):
    """Returns lines about the network and its backbones, none if unknown."""
    if blueprint is None:
        return []
    lines = [f"- Network: `{blueprint.application}`"]
    for stream, name in blueprint.backbones.items():
        lines.append(f"- Backbone for {stream}: `{name or 'keras.Model'}`")
    return lines


def _accuracy(background, origin):
    known = leaks.marks(origin)
    of_network = [f"Mark of the network: {mark}" for mark in known]
    if not background.results:
        text = "Not measured: `vidrec evaluate` has not tested this network."
        return "\n\n".join([text, *of_network])
    marks = dict.fromkeys(
        f"Mark of {result.test}: {mark}"
        for result in background.results
        for mark in leaks.marks(result.origin)
        if mark not in known
    )
    figures = {
        name: title
        for name, title in _FIGURES.items()
        # With few classes there is no top-5 accuracy.
        if any(name in result.figures for result in background.results)
    }
    lines = [
        "Measured by `vidrec evaluate`; nothing here is quoted from a paper.",
        "",
        "| test | split | segments | sampling | crops | videos | "
        f"{' | '.join(figures.values())} | date |",
        "| --- " * (7 + len(figures)) + "|",
    ]
    for result in background.results:
        meta = result.meta
        cells = [
            result.test,
            result.origin.split or "",
            meta.get("num_segments", ""),
            meta.get("sampling", ""),
            meta.get("crops", ""),
            result.num_videos,
            *(
                f"{100 * result.figures[name]:.2f} %"
                if name in result.figures
                else ""
                for name in figures
            ),
            result.date,
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n\n".join(["\n".join(lines), *of_network, *marks])


def _origin(origin):
    tree = "\n".join(chain.lines(origin))
    return (
        f"```text\n{tree}\n```\n\n`{chain.FILE}` has the details. It contains "
        "hashes of the training videos instead of their names, so whether a "
        "video was trained on can be checked."
    )


def _checks(checks, reduction):
    in_float32 = "" if reduction is None else " in float32"
    lines = [
        f"- `{check.endpoint}`{in_float32}, reloaded and compared with the "
        f"trained network on {check.on}: {check.what} within "
        f"{check.difference:.1e}."
        for check in checks
    ]
    if reduction is not None:
        lines += [f"- {line}." for line in reduction.lines()]
    return "\n".join(lines)


def _versions(format, background):
    now = environment.describe()["versions"]
    exported = {name: found for name, found in now.items() if found}
    for library in _LIBRARIES[format]:
        exported[library] = importlib.metadata.version(library)
    today = datetime.date.today().isoformat()
    lines = [f"- Exported on {today} with {_listed(exported)}"]
    if background.versions:
        lines.append(f"- Trained with {_listed(background.versions)}")
    return "\n".join(lines)


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {found}" for name, found in versions.items())
