"""The parameters of TV-L1, checked."""

import typing

from keras_vidrec.flow.tvl1.median import SIZES


class Parameters(typing.NamedTuple):
    """See `tvl1_flow`."""

    tau: float
    lambda_: float
    theta: float
    scales: int
    scale_step: float
    warps: int
    epsilon: float
    outer_iterations: int
    inner_iterations: int
    median_size: int

    def check(self):
        """Returns itself, or raises `ValueError`."""
        for name in ("tau", "lambda_", "theta", "epsilon"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"Expected a positive `{name}`. "
                    f"Received: {name}={getattr(self, name)}"
                )
        for name in ("scales", "warps", "outer_iterations", "inner_iterations"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"Expected `{name}` to be an integer from 1. "
                    f"Received: {name}={value}"
                )
        if not 0 < self.scale_step < 1:
            raise ValueError(
                "Expected `scale_step` between 0 and 1. "
                f"Received: scale_step={self.scale_step}"
            )
        if self.median_size not in SIZES:
            raise ValueError(
                f"Expected `median_size` to be one of {SIZES}. "
                f"Received: median_size={self.median_size}"
            )
        return self
