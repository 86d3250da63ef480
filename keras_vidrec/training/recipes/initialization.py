"""The section `initialization` of a recipe."""

import dataclasses

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks
from keras_vidrec.weights.cross_modality import MODES as INFLATIONS

# Initial classifiers: random, or one of `training.classifiers.KINDS`.
CLASSIFIERS = (
    "random",
    "class_means",
    "centered_class_means",
    "standardized_class_means",
    "ridge",
)


@dataclasses.dataclass(frozen=True)
class Initialization:
    """The initial weights of a training.

    Args:
        weights: where the weights come from. Defaults to `None`: random
            weights.
            A path of a run or a `.keras` file: a network of the same modality,
            or of rgb for a network of motion; for a network of several streams
            also one of the same streams, such as its previous stage.
            A dict of such paths by stream, `{"rgb": ..., "flow": ...}`:
            networks of one stream each. In a network over features with towers
            inside (STFN), they initialize the towers, and the layers after the
            towers are random; a run over features initializes all layers, after
            it was joined with the networks that made the features.
            `"imagenet"`, alone or for a stream of a dict: ImageNet's weights
            for the towers (`weights.imagenet`), which are downloaded or come
            with a package. For a file or a run of this name write
            `"./imagenet"`.
            `"preset:NAME"`: a published network that `vidrec presets` lists: of
            a single stream, or, for a network of two streams, also the name of
            a pair.
        inflation: str. How the first convolution of an rgb network is converted
            for the channels of motion: `"avg"`, `"symmetric"` or `"scaled"`,
            see `weights.cross_modality`. Used for paths of rgb networks and for
            `"imagenet"`. Defaults to `"avg"` (TSN).
        copy_head: bool. Whether a network of motion that starts from an rgb
            network also gets its classifier, if the number of classes is the
            same. Defaults to `False`: random weights, as in TSN's programs.
        classifier: str. `"random"`, or how the classifier of a network of
            single snippets is computed from the features of the training
            videos: `"class_means"` (from the mean of each class),
            `"centered_class_means"`, `"standardized_class_means"` or `"ridge"`,
            see `training.classifiers.solve`. Training starts from there, or
            ends there (`schedule.epochs=0`). Defaults to `"random"`.
        draws: int. Number of random versions of each video, with crops and
            flips as in training, that are used to compute the classifier, in
            addition to the video as in the test. Defaults to `0`.
        partial_batch_norm: bool. Whether to freeze all batch normalization
            layers except the first of each tower (TSN, section 3.2). Defaults
            to `False`.
        frozen: tuple of str. Streams whose towers are not trained, including
            batch normalization: in two-stream fusion only the layers from the
            fusion on are trained (its section 3.5), in STFN's first stage only
            those after the towers (4.2). Needs `weights`. Defaults to `()`.
    """

    weights: str | dict | None = None
    inflation: str = "avg"
    copy_head: bool = False
    classifier: str = "random"
    draws: int = 0
    partial_batch_norm: bool = False
    frozen: tuple = ()

    def __post_init__(self):
        # YAML reads the path of a run called 2020 as a number.
        if isinstance(self.weights, dict):
            weights = {s: _text(path) for s, path in self.weights.items()}
            object.__setattr__(self, "weights", weights)
        else:
            object.__setattr__(self, "weights", _text(self.weights))
        checks.choice("inflation", self.inflation, INFLATIONS)
        checks.flag("copy_head", self.copy_head)
        checks.choice("classifier", self.classifier, CLASSIFIERS)
        checks.count("draws", self.draws, 0)
        checks.check(
            not self.draws or self.classifier != "random",
            "draws",
            '0 with classifier="random", which is not computed from videos',
            self.draws,
        )
        checks.flag("partial_batch_norm", self.partial_batch_norm)
        frozen = self.frozen
        checks.check(
            isinstance(frozen, (list, tuple))
            and all(stream in MODALITIES for stream in frozen)
            and len(set(frozen)) == len(frozen),
            "frozen",
            f"a list of different streams from {MODALITIES}",
            frozen,
        )
        object.__setattr__(self, "frozen", tuple(frozen))


def _text(value):
    return str(value) if isinstance(value, (int, float)) else value
