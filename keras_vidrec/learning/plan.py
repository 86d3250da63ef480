"""The plan of learning: its steps, and about how long they take."""

import dataclasses
import typing

from keras_vidrec.data.preparing.prepare import num_cores
from keras_vidrec.learning.material import Material
from keras_vidrec.learning.task import Task
from keras_vidrec.specs.checks import counted

# The least number of training clips of the median class, and of validation
# clips, for fine-tuning networks; that of training clips of the median class
# for fine-tuning a flow network, and for a network over both streams.
_LEAST_TO_TRAIN, _LEAST_TO_CHOOSE = 4, 6
_LEAST_OF_FLOW = 8
_LEAST_OF_BOTH = 12

# Seconds on two cores: to start a step; to export and to write the report.
_BEGIN, _END = 15.0, 60.0
# Seconds for a frame of 224 pixels: to test it whole and mirrored, and to train
# on it; for a clip: to read it, and to compute its flow.
_SEEN, _LEARNED, _READ, _FLOW = 0.035, 0.045, 0.15, 1.0
# Epochs of fine-tuning: of the recipe `finetune_rgb`, and those that `course`
# sets for flow.
EPOCHS = {"rgb": 12, "flow": 25}
_SEGMENTS = {"test": 8, "training": 3}
_CORES = 2
# The number of random versions of each clip in the recipe `frozen_flow`.
_DRAWS = 6


class Step(typing.NamedTuple):
    """A step of learning.

    Args:
        name: str. Name of its folder.
        what: str. What it does, for the user.
        seconds: float. About how long it takes on this machine.
    """

    name: str
    what: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a task.

    Attributes:
        steps: tuple of `Step`.
        flow: bool. Whether there are flow networks.
        not_tried: dict from the names of networks that are left out to why.
    """

    steps: tuple
    flow: bool
    not_tried: dict

    @property
    def names(self):
        """The names of the steps."""
        return tuple(step.name for step in self.steps)

    def lines(self, material):
        """Yields the plan as lines for the user.

        Args:
            material: `Material` of the task.
        """
        catalog = material.catalog
        present = len(set(catalog.labels))
        parts = f"{len(material.learned_from)} for training and validation"
        if "rgb" in self.names:
            parts = f"{len(material.train)} for training, "
            parts += f"{len(material.validation)} for validation"
        yield (
            f"{counted(len(catalog.videos), 'video')} of "
            f"{counted(present, 'class')}: {parts}, "
            f"{len(material.test)} held out for the test."
        )
        for remark in material.remarks:
            yield f"- {remark}"
        for number, step in enumerate(self.steps, 1):
            yield f"{number}. {step.what} ({_time(step.seconds)})"
        for what, why in self.not_tried.items():
            yield f"Not tried: {what}: {why}."
        total = sum(step.seconds for step in self.steps)
        yield f"About {_time(total)} in total on this machine, if it is idle."


def make(task: Task, material: Material) -> Plan:
    """Makes the plan of a task for its videos."""
    speed = min(num_cores(), 16) / _CORES
    pixels = (task.size / 224) ** 2
    clips = len(material.learned_from)
    seen = clips * (_READ + _SEGMENTS["test"] * _SEEN * pixels)
    trains = (
        material.typical >= _LEAST_TO_TRAIN
        and len(material.validation) >= _LEAST_TO_CHOOSE
    )
    flow, not_tried = trains and task.flow, {}
    missing = []
    if material.typical < _LEAST_TO_TRAIN:
        missing.append(
            f"{_LEAST_TO_TRAIN} training clips per class, here "
            f"{material.typical:g}"
        )
    if len(material.validation) < _LEAST_TO_CHOOSE:
        missing.append(
            f"{_LEAST_TO_CHOOSE} validation clips, here "
            f"{len(material.validation)}"
        )
    too_few = f"it needs {', and '.join(missing)}"
    steps = [
        (
            "features",
            "EfficientNet-Lite0 features of frames, and the classifier that "
            "recognizes clips of other recordings best",
            seen,
        ),
    ]

    def learned(name):
        frames = len(material.train) * _SEGMENTS["training"] * EPOCHS[name]
        return frames * _LEARNED * pixels

    if trains:
        made = clips * (_READ + _FLOW * flow)
        what = "Frames and optical flow (DIS)" if flow else "Frames"
        steps += [
            ("prepared", f"{what}, once", made),
            ("frozen", "This classifier on the training clips", 2 * seen),
            ("rgb", "An rgb network, fine-tuned from it", learned("rgb")),
        ]
    else:
        not_tried["fine-tuned networks"] = too_few
        steps.append(("frozen", "This classifier on all clips", 2 * seen))
    if flow:
        what = "A frozen flow network, with a classifier by ridge regression"
        steps.append(("frozen_flow", what, (2 + _DRAWS) * seen))
        if material.typical >= _LEAST_OF_FLOW:
            what = "A flow network, fine-tuned from it"
            steps.append(("flow", what, learned("flow")))
        else:
            not_tried["a fine-tuned flow network"] = (
                f"it needs {_LEAST_OF_FLOW} training clips per class, here "
                f"{material.typical:g}"
            )
        if material.typical >= _LEAST_OF_BOTH:
            what = "A TS-LSTM on the features of both"
            steps.append(("both", what, 3 * seen))
        else:
            not_tried["a TS-LSTM over both streams"] = (
                f"it needs {_LEAST_OF_BOTH} training clips per class, here "
                f"{material.typical:g}"
            )
    elif trains:
        not_tried["optical flow"] = "it was not requested"
    tests = len(material.test) * (_READ + _SEGMENTS["test"] * _SEEN * pixels)
    if flow:
        tests += len(material.test) * _FLOW
    what = "Test on the held-out clips, report and export"
    if not material.test:
        what = "Export"
    steps.append(("recognizer", what, tests + _END))
    return Plan(
        tuple(
            Step(name, what, (seconds + _BEGIN) / speed)
            for name, what, seconds in steps
        ),
        flow,
        not_tried,
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min"
