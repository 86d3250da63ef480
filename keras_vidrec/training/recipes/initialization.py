"""The section `initialization` of a recipe."""

import dataclasses

from keras_vidrec.specs import MODALITIES
from keras_vidrec.specs import checks
from keras_vidrec.weights.cross_modality import MODES as INFLATIONS

# Where a classifier starts: at random, or `training.classifiers.KINDS`.
CLASSIFIERS = (
    "random",
    "class_means",
    "centered_class_means",
    "standardized_class_means",
    "ridge",
)


@dataclasses.dataclass(frozen=True)
class Initialization:
    """Where the weights start.

    Args:
        weights: `None` (random), or path of a run or a `.keras` file: of the
            same modality, or of rgb for a network of motion. For a network
            of two streams: dict of such paths by stream, `{"rgb": ...,
            "flow": ...}`, of networks of one stream each; or one path, of a
            network of the same two, such as the stage before. Of a network
            over features with towers inside (STFN), those of one stream start
            the towers, and what is behind them starts at random; a run over
            features starts all of it, joined with what made the features. Or
            `"imagenet"`, alone or for a stream of the dict: its tower from
            ImageNet's weights (`weights.imagenet`), which are downloaded or
            a package brings; for a file or a run of this name write
            `"./imagenet"`. Or `"preset:NAME"`, a published network that
            `vidrec presets` lists: one of a single stream, or, for a network
            of two streams, also the name of a pair.
        inflation: str. How an rgb first convolution is to serve the channels
            of motion: `"avg"`, `"symmetric"` or `"scaled"`, as
            `weights.cross_modality` says, for a path of rgb and for
            `"imagenet"`. Defaults to `"avg"` (TSN).
        copy_head: bool. Whether the classifier of a network of motion that
            starts from one of rgb starts from the rgb classifier too, where
            the classes are as many. Defaults to `False`: from random weights,
            as in TSN's programs.
        classifier: str. `"random"`, or how the classifier of a network of
            single snippets is computed from the features of the videos to train
            on: `"class_means"` (it points to the mean of each class),
            `"centered_class_means"`, `"standardized_class_means"` or `"ridge"`,
            see `training.classifiers.solve`. Training goes on from there, or
            ends (`schedule.epochs=0`). Defaults to `"random"`.
        draws: int. Random versions of each video, cropped and mirrored as in
            training, that the classifier is computed from beside the video as
            its test shows it. Defaults to `0`.
        partial_batch_norm: bool. Freeze every batch normalization but the
            first of each tower (TSN section 3.2).
        frozen: tuple of str. Streams whose towers stay as they start, batch
            normalization included: of two-stream fusion, only the layers from
            the fusion on are trained (its section 3.5), of STFN's first stage
            only what is behind the towers (4.2). They need `weights`.
            Defaults to `()`.
    """

    weights: str | dict | None = None
    inflation: str = "avg"
    copy_head: bool = False
    classifier: str = "random"
    draws: int = 0
    partial_batch_norm: bool = False
    frozen: tuple = ()

    def __post_init__(self):
        # YAML reads a run 2020 as a number.
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
