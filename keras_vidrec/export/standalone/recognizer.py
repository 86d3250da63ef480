"""Runs the network of an export on video files, as its bundle.json states."""

import argparse
import contextlib
import json
import math
import os
import pathlib
import sys

import numpy as np

from keras_vidrec.export.standalone.clips import before_index
from keras_vidrec.export.standalone.clips import crops_of
from keras_vidrec.export.standalone.clips import cut
from keras_vidrec.export.standalone.clips import is_flow
from keras_vidrec.export.standalone.clips import num_images
from keras_vidrec.export.standalone.clips import starts_of
from keras_vidrec.export.standalone.decoding import Problem
from keras_vidrec.export.standalone.frames import Video
from keras_vidrec.export.standalone.motion import flow_codes

SCHEMA = 1
SNIPPETS_A_CALL = 64


def load_network(directory, network):
    """Loads the network of an export.

    Args:
        directory: pathlib.Path of the export.
        network: dict. `network` of bundle.json.

    Returns:
        Tuple of a function from a dict of clips by input to a dict of arrays
        by output, and `None` or the function of TV-L1 in the network's file.
    """
    path = str(directory / network["file"])
    if not os.path.isfile(path):
        raise Problem("there is no such file")
    if network["format"] == "saved_model":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        loaded = tf.saved_model.load(str(directory))
        serve = loaded.signatures["serving_default"]
        make = loaded.signatures.get("make_flow")

        def run(clips):
            found = serve(**{k: tf.constant(x) for k, x in clips.items()})
            return {name: x.numpy() for name, x in found.items()}

        if make is None:
            return run, None

        def flow(first, second):
            pair = {"first": first, "second": second}
            found = make(**{k: tf.constant(x) for k, x in pair.items()})
            return found["flow"].numpy()

        return run, flow
    if network["format"] == "onnx":
        import onnxruntime

        there = onnxruntime.get_available_providers()
        wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
        session = onnxruntime.InferenceSession(
            path, providers=[name for name in wanted if name in there]
        )
        names = [output.name for output in session.get_outputs()]
        return lambda clips: dict(zip(names, session.run(names, clips))), None
    if network["format"] == "openvino":
        # Otherwise importing OpenVINO sends telemetry to its vendor.
        sys.modules.setdefault("openvino_telemetry", None)
        import openvino

        # Without this, some processors would compute with lower precision.
        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(path, "CPU", settings)
        names = [output.get_any_name() for output in compiled.outputs]

        def run(clips):
            found = compiled(clips)
            return {name: found[name] for name in names}

        return run, None
    if network["format"] == "torch":
        import torch

        program = torch.export.load(path).module()
        names = [one["name"] for one in network["inputs"]]

        def run(clips):
            with torch.no_grad():
                found = program(*(torch.tensor(clips[n]) for n in names))
            return {name: x.numpy() for name, x in found.items()}

        return run, None
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(path).get_signature_runner("serving_default")
    return lambda clips: serve(**clips), None


def probabilities_of(scores, activation):
    scores = scores.astype("float64")
    if activation == "sigmoid":
        return 0.5 * (1 + np.tanh(scores / 2))
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    return scores / scores.sum(-1, keepdims=True)


def log(values):
    # Finite also for 0.
    return np.log(np.maximum(values, np.finfo("float64").tiny))


class Recognizer:
    """A network that classifies video files.

    Args:
        directory: `None` (the directory of this file), or path of an export.
            Defaults to `None`.

    Attributes:
        classes: list of str. Names of the classes.

    Raises:
        Problem: if the export cannot be read.
    """

    def __init__(self, directory=None):
        directory = pathlib.Path(directory or pathlib.Path(__file__).parent)
        path = directory / "bundle.json"
        with telling(path):
            bundle = json.loads(path.read_text("utf-8"))
            if bundle["schema"] != SCHEMA:
                raise Problem(
                    f"expected schema {SCHEMA}, received {bundle['schema']}. "
                    "Use the predict.py of the same export"
                )
            self.classes = bundle["classes"]
            self._clip, self._test = bundle["clip"], bundle["test"]
            self._network = bundle["network"]
            self._frame = self._clip["frame"]
            file = directory / self._network["file"]
            self._activation = bundle["activation"]
            if self._activation not in ("softmax", "sigmoid"):
                raise Problem(f"activation {self._activation} is unknown")
            self._temperature = bundle["temperature"]
            self._thresholds = bundle["thresholds"]
            if self._frame["deinterlace"] is not None:
                raise Problem("this program cannot deinterlace frames")
        with telling(file):
            self._run, self._tvl1 = load_network(directory, self._network)

    def __call__(self, path):
        """Returns the probability of each class in a video file: float64 array
        `(classes,)`. Raises a `Problem` if it cannot be read."""
        return self.look(path)[0]

    def look(self, path):
        """Returns the probabilities as `__call__`, and a list of str: remarks
        about damage of the file."""
        with telling(path, "Cannot read the video"):
            clips, remarks = self.clips(path)
        with telling(self._network["file"]):
            views = self._views(clips)
        if self._test["averaged"] == "probabilities":
            mean = probabilities_of(views, self._activation).mean(0)
            several = self._activation == "sigmoid"
            mean = log(mean) - log(1 - mean) if several else log(mean)
        else:
            mean = views.mean(0, dtype="float64")
        scores = mean.astype("float32").astype("float64") / self._temperature
        return probabilities_of(scores, self._activation), remarks

    def present(self, probabilities):
        """Returns the names of the classes whose probabilities reach their
        thresholds, the most probable first; `None` for a network with exactly
        one class a video."""
        if self._activation != "sigmoid":
            return None
        thresholds = self._thresholds or [0.5] * len(self.classes)
        order = np.argsort(-probabilities, kind="stable")
        return [
            self.classes[i] for i in order if probabilities[i] >= thresholds[i]
        ]

    def clips(self, path):
        """Reads the clips of a video.

        Returns:
            Tuple of a dict of uint8 arrays `(crops * clips * segments, height,
            width, channels)` by modality, and a list of remarks about the file.
        """
        clip, test = self._clip, self._test
        video = Video(path, self._frame)
        modalities = clip["modalities"]
        counts = {m: video.num_frames - is_flow(m) for m in modalities}
        if min(counts.values()) < 1:
            raise Problem("it has one frame only, so there is no flow")
        starts = starts_of(counts, clip, test)
        rows = {}
        for m, count in counts.items():
            images = np.arange(num_images(m, clip["snippet_length"]))
            row = starts[:, None] - before_index(m, clip, test) + images
            rows[m] = np.clip(row, 0, count - 1)
        wanted = {m: np.unique(x).tolist() for m, x in rows.items()}
        frames = video.read(
            {
                number
                for m in wanted
                for t in wanted[m]
                for number in ((t, t + 1) if is_flow(m) else (t,))
            }
        )
        height, width = next(iter(frames.values())).shape[:2]
        crops, size = crops_of(test["crops"], height, width, clip["size"])
        found = {}
        for m, row in rows.items():
            images = frames
            if is_flow(m):
                pairs = [(frames[t], frames[t + 1]) for t in wanted[m]]
                codes = flow_codes(pairs, m, clip["flow"], self._tvl1)
                images = dict(zip(wanted[m], codes))
            shown = [
                {t: cut(images[t], crop, size, is_flow(m)) for t in wanted[m]}
                for crop in crops
            ]
            found[m] = np.stack(
                [
                    np.concatenate([part[t] for t in snippet], -1)
                    for part in shown
                    for snippet in row.tolist()
                ]
            )
        return found, video.remarks

    def _views(self, clips):
        """Returns the logits of each view (a snippet or a clip): array
        `(views, classes)`."""
        inputs, output = self._network["inputs"], self._network["output"]
        clips = {x["name"]: clips[x["modality"]] for x in inputs}
        fixed = self._network["segments"]
        if output == "logits":  # whole clips
            fixed = self._test["num_segments"]
        number = len(next(iter(clips.values())))
        units = math.ceil(number / (fixed or 1))
        most = max(SNIPPETS_A_CALL // (fixed or 1), 1)
        most = self._network["batch"] or most
        group = math.ceil(units / math.ceil(units / most))
        shape = (group, fixed) if fixed else (1, group)
        views = []
        for start in range(0, number, math.prod(shape)):
            rows = np.arange(start, start + math.prod(shape)) % number
            rows = rows.reshape(shape)
            found = self._run({name: x[rows] for name, x in clips.items()})
            views.append(found[output].reshape(-1, found[output].shape[-1]))
        views = np.concatenate(views)
        views = views[: units if output == "logits" else number]
        if views.shape[-1] != len(self.classes):
            raise Problem(
                f"it has {views.shape[-1]} classes, but bundle.json has "
                f"{len(self.classes)}"
            )
        return views


@contextlib.contextmanager
def telling(path, what="Cannot use"):
    """Converts any error in the context to a `Problem` that names the file."""
    what = f"{what} {str(path)!r}"
    try:
        yield
    except Problem as error:
        raise Problem(f"{what}: {error}") from None
    except ImportError as error:
        raise Problem(
            f"{error}. Install the library: it runs the network"
        ) from None
    except KeyError as error:
        raise Problem(f"{what}: it has no key {error}") from None
    # Each library raises errors of its own classes.
    except Exception as error:
        line = " ".join(str(error).split())[:200]
        raise Problem(f"{what}: {type(error).__name__}: {line}") from error


def printable(text):
    """Replaces control characters, which could change the terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", nargs="+", metavar="VIDEO")
    parser.add_argument("--top", type=int, default=5, help="classes to show")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line per video"
    )
    options = parser.parse_args()
    if options.top < 1:
        parser.error(f"--top: expected at least 1, received {options.top}")
    failed = False
    try:
        recognizer = Recognizer()
    except Problem as error:
        parser.exit(2, f"predict.py: {printable(error)}\n")
    for path in options.videos:
        try:
            probabilities, remarks = recognizer.look(path)
        except Problem as error:
            failed = True
            print(f"predict.py: {printable(error)}", file=sys.stderr)
            if options.json:
                line = {"video": path, "error": str(error)}
                print(json.dumps(line, ensure_ascii=False))
            continue
        best = np.argsort(-probabilities, kind="stable")[: options.top]
        names = [recognizer.classes[i] for i in best]
        values = probabilities[best].tolist()
        if remarks:
            line = f"{path}: {'; '.join(remarks)}."
            print(printable(line), file=sys.stderr)
        present = recognizer.present(probabilities)
        if options.json:
            line = {"video": path, "classes": names, "probabilities": values}
            line |= {"remarks": remarks, "present": present}
            print(json.dumps(line, ensure_ascii=False))
            continue
        print(printable(path))
        for name, value in zip(names, values):
            print(f"  {100 * value:6.2f} %  {printable(name)}")
        if present is not None:
            shown = ", ".join(present) or "none of the classes"
            print(printable(f"Shows: {shown}"))
    return 2 if failed else 0
