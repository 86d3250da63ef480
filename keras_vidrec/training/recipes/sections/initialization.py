import dataclasses

from keras_vidrec.specs.clip_spec import MODALITIES
from keras_vidrec.training.recipes.sections.checks import check
from keras_vidrec.training.recipes.sections.checks import check_choice
from keras_vidrec.weights.cross_modality import MODES as INFLATIONS


@dataclasses.dataclass(frozen=True)
class Initialization:
    """Where the weights start.

    Args:
        weights: `None` (random), or path of a run or a `.keras` file: of the
            same modality, or of rgb for a network of motion. For a network
            of two streams: dict of such paths by stream, `{"rgb": ...,
            "flow": ...}`, of networks of one stream each; or one path, of a
            network of the same two. For a network over features with towers
            inside (STFN's second stage): `{"rgb": ..., "flow": ...,
            "network": ...}`, the towers from networks of one stream each,
            everything else from a network that was trained on features of
            these; every layer must be in one of them. Or `"imagenet"`, alone
            or for a stream of the dict: its tower from the weights of
            `keras.applications`, which Keras downloads (`weights.imagenet`);
            for a file or a run of this name write `"./imagenet"`.
        inflation: str. How an rgb first convolution is to serve the channels
            of motion: `"mean"`, `"symmetric"` or `"scaled"`, as
            `weights.cross_modality` says, for a path of rgb and for
            `"imagenet"`. Defaults to `"mean"` (TSN).
        partial_batch_norm: bool. Freeze every batch normalization but the
            first of each tower (TSN section 3.2).
        frozen: tuple of str. Streams whose towers stay as they start, batch
            normalization included: of two-stream fusion, only the layers from
            the fusion on are trained (its section 3.5). They need `weights`.
            Defaults to `()`.
    """

    weights: str | dict | None = None
    inflation: str = "mean"
    partial_batch_norm: bool = False
    frozen: tuple = ()

    def __post_init__(self):
        # YAML reads a run 2020 as a number.
        if isinstance(self.weights, dict):
            weights = {s: _text(path) for s, path in self.weights.items()}
            object.__setattr__(self, "weights", weights)
        else:
            object.__setattr__(self, "weights", _text(self.weights))
        check_choice(self, "inflation", INFLATIONS)
        check(
            isinstance(self.partial_batch_norm, bool),
            "partial_batch_norm",
            "true or false",
            self.partial_batch_norm,
        )
        frozen = self.frozen
        check(
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
