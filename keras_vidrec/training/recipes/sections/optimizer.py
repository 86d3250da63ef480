import dataclasses

from keras_vidrec.training.recipes.sections.checks import check
from keras_vidrec.training.recipes.sections.checks import check_choice
from keras_vidrec.training.recipes.sections.checks import check_number

OPTIMIZERS = ("sgd", "rmsprop", "adam")
# Of weights.
ROLES = ("first_convolution", "bias", "gamma", "beta", "head")


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """How the weights move.

    Args:
        name: str. `"sgd"`, `"rmsprop"` or `"adam"`.
        learning_rate: float > 0. Where the schedule starts.
        momentum: float in [0, 1). Of SGD.
        weight_decay: float. L2 decay, added to the gradient after clipping,
            as Caffe does.
        learning_rate_multipliers: dict from the role of a weight to a number
            that its learning rate is multiplied by: `"first_convolution"` (of
            each tower), `"bias"`, `"gamma"`, `"beta"` (of batch
            normalization), `"head"` (behind the towers). A weight of two
            roles takes both factors. Defaults to `{}`.
        decay_multipliers: dict of the same form: of `weight_decay`. Defaults
            to `0` for biases, gammas and betas.
        clip_norm: `None`, or float: bound of the global L2 norm of the
            gradient, which is summed over all devices and over the
            accumulated steps first, as Caffe does.
        clip_value: `None`, or float: bound of each element of the gradient
            (TS-LSTM). Not together with `clip_norm`.
        batch_size: int. Clips a step, over all devices.
        accumulate: int. Steps whose gradients are summed for one update. The
            effective batch is `batch_size * accumulate`.
        sub_batch: `None`, or int: clips whose statistics batch normalization
            takes together in training, a divisor of a device's share of
            `batch_size` (4 in the multiplier's code). `None` is that share,
            or the whole batch where devices synchronize.
        reference_batch: `None`, or int: effective batch that `learning_rate`
            was published for. Where it differs from the real one, training
            says so and offers the rate for the real one.
        scale_learning_rate: bool. Whether to train with that rate: in
            proportion to the effective batch. Defaults to `False`.
    """

    name: str = "sgd"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip_norm: float | None = None
    clip_value: float | None = None
    batch_size: int = 128
    accumulate: int = 1
    learning_rate_multipliers: dict = dataclasses.field(default_factory=dict)
    decay_multipliers: dict = dataclasses.field(
        default_factory=lambda: dict.fromkeys(("bias", "gamma", "beta"), 0.0)
    )
    sub_batch: int | None = None
    reference_batch: int | None = None
    scale_learning_rate: bool = False

    @property
    def effective_batch(self):
        """Clips that one update of the weights has seen."""
        return self.batch_size * self.accumulate

    def __post_init__(self):
        check_choice(self, "name", OPTIMIZERS)
        check_number(self, "learning_rate", 1e-12)
        check_number(self, "momentum", 0, 0.9999)
        check_number(self, "weight_decay", 0)
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                check_number(self, name, 1e-12)
        check(
            self.clip_norm is None or self.clip_value is None,
            "clip_value",
            f"null beside clip_norm={self.clip_norm}",
            self.clip_value,
        )
        check_number(self, "batch_size", 1, kind=int)
        check_number(self, "accumulate", 1, kind=int)
        for name in ("learning_rate_multipliers", "decay_multipliers"):
            _check_multipliers(self, name)
        if self.sub_batch is not None:
            check_number(self, "sub_batch", 1, self.batch_size, kind=int)
        if self.reference_batch is not None:
            check_number(self, "reference_batch", 1, kind=int)
        check(
            isinstance(self.scale_learning_rate, bool)
            and (not self.scale_learning_rate or self.reference_batch),
            "scale_learning_rate",
            "true or false; true only beside reference_batch, the effective "
            "batch that learning_rate was published for",
            self.scale_learning_rate,
        )


def _check_multipliers(section, name):
    values = getattr(section, name)
    check(
        isinstance(values, dict)
        and all(
            role in ROLES
            and isinstance(value, (int, float))
            and not isinstance(value, bool)
            and 0 <= value < float("inf")
            for role, value in values.items()
        ),
        name,
        f"a mapping of roles from {ROLES} to numbers of at least 0",
        values,
    )
