"""The parameters of TV-L1."""

import typing

from keras_vidrec.flow.tvl1.sampling import MEDIAN_SIZES
from keras_vidrec.specs import checks


class Parameters(typing.NamedTuple):
    """The parameters of TV-L1, with the defaults of
    `cv2.optflow.DualTVL1OpticalFlow`.

    Args:
        tau: float. Time step of the dual update. Defaults to `0.25`.
        lambda_: float. Weight of brightness constancy against smoothness.
            Defaults to `0.15`.
        theta: float. Tightness of the coupling of the two. Defaults to `0.3`.
        scales: int. Maximum number of levels of the pyramid; levels under 16
            pixels are left out. Defaults to `5`.
        scale_step: float. Size of a level divided by that of the next finer
            one, between 0 and 1. Defaults to `0.8`.
        warps: int. Warps at each level. Defaults to `5`.
        epsilon: float. Iterations end when the flow changes by less than this,
            in pixels (root mean square). Defaults to `0.01`.
        outer_iterations: int. Maximum number of outer iterations of a warp,
            each of which begins with a median filter. Defaults to `10`.
        inner_iterations: int. Maximum number of iterations within an outer
            one. Defaults to `30`.
        median_size: int. Window of the median filter, 1 (no filter), 3 or 5.
            Defaults to `5`.
    """

    tau: float = 0.25
    lambda_: float = 0.15
    theta: float = 0.3
    scales: int = 5
    scale_step: float = 0.8
    warps: int = 5
    epsilon: float = 0.01
    outer_iterations: int = 10
    inner_iterations: int = 30
    median_size: int = 5

    def check(self) -> None:
        """Raises a `ValueError` if a value is out of range."""
        for name in ("tau", "lambda_", "theta", "epsilon"):
            checks.positive(name, getattr(self, name))
        for name in ("scales", "warps", "outer_iterations", "inner_iterations"):
            checks.count(name, getattr(self, name))
        checks.check(
            checks.is_number(self.scale_step) and 0 < self.scale_step < 1,
            "scale_step",
            "a number between 0 and 1",
            self.scale_step,
        )
        checks.choice("median_size", self.median_size, MEDIAN_SIZES)


DEFAULTS = Parameters()
