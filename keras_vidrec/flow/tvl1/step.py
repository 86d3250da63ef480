"""One outer iteration of TV-L1 on a batch of pairs of images, called lanes.

A field is a float32 tensor `(lanes, height, width)`. Every lane stops when its
own error is small, and does not depend on the others.
"""

from keras import ops

from keras_vidrec.flow.tvl1.sampling import gradient
from keras_vidrec.flow.tvl1.sampling import median
from keras_vidrec.flow.tvl1.sampling import warp

# Smaller squared gradients are too small to determine the motion.
FLAT = 1.1920929e-07


def linearize(first, second, flow_x, flow_y, parameters):
    """Linearizes brightness constancy around a flow: one warp.

    The residual `rho(u) = I1(x + u0) + grad I1 (u - u0) - I0` is divided by the
    length of the gradient g here, so that the thresholding step needs no
    division: `v = u + n * clip(-rho(u) / |g|, -l |g|, l |g|)`, n = g / |g|.

    Images are gray, 0..255; the flow u0 is in pixels. Returns four fields: n
    horizontally, n vertically, the constant part of the divided residual, and
    the threshold `l |g|`.
    """
    images = [second, *gradient(second)]
    moved, across, down = warp(images, flow_x, flow_y)
    squared = across * across + down * down
    inverse = 1.0 / ops.sqrt(ops.maximum(squared, FLAT))
    residual = moved - across * flow_x - down * flow_y - first
    threshold = parameters.lambda_ * parameters.theta
    return (
        across * inverse,
        down * inverse,
        residual * inverse,
        threshold * squared * inverse,
    )


def start(flow_x, flow_y):
    """Returns lanes for `tick` with the given flow at the start of a level."""
    lanes = ops.shape(flow_x)[0]
    nothing = ops.zeros_like(flow_x)
    counts = ops.zeros((lanes,), "int32")
    fields = (flow_x, flow_y, *[nothing] * 4)
    return (counts, counts, counts, fields, (nothing,) * 4)


def tick(lanes, first, second, parameters):
    """Runs one outer iteration of every lane that has warps left. Lanes whose
    `warp` has reached `parameters.warps` are not changed.

    `lanes` is a tuple `(warp, outer, exhausted, fields, coefficients)`. The
    first three are int32 tensors `(lanes,)`: the number of finished warps, of
    finished outer iterations in the current warp, and of warps that ended at
    the limit of iterations before the flow had converged. `fields` are the six
    of `inner_iteration`, `coefficients` the result of `linearize` for the
    current warp. Images are gray, 0..255. Returns a tuple like `lanes`.
    """
    warp_count, outer, exhausted, fields, coefficients = lanes
    active = warp_count < parameters.warps
    fresh = ops.logical_and(active, outer == 0)
    coefficients = ops.cond(
        ops.any(fresh),
        lambda: _where(
            fresh,
            linearize(first, second, *fields[:2], parameters),
            coefficients,
        ),
        lambda: coefficients,
    )
    # Both in one call: the sorting is the largest part of the graph.
    both = median(ops.concatenate(fields[:2], 0), parameters.median_size)
    filtered = ops.split(both, 2, axis=0)
    fields = (*_where(active, filtered, fields[:2]), *fields[2:])
    fields, moving = _inner_iterations(fields, coefficients, active, parameters)
    outer = outer + ops.cast(active, "int32")
    limit = ops.logical_and(moving, outer == parameters.outer_iterations)
    ended = ops.logical_and(active, ops.logical_or(limit, ~moving))
    return (
        warp_count + ops.cast(ended, "int32"),
        ops.where(ended, 0, outer),
        exhausted + ops.cast(limit, "int32"),
        fields,
        coefficients,
    )


def _where(chosen, new, old):
    chosen = chosen[:, None, None]
    return tuple(ops.where(chosen, a, b) for a, b in zip(new, old))


def _inner_iterations(fields, coefficients, active, parameters):
    """Iterates until the flow of every lane has converged, or to the limit.
    Returns the fields, and which lanes have not converged, bool `(lanes,)`."""
    _, height, width = ops.shape(fields[0])
    area = ops.cast(height * width, "float32")
    smallest = parameters.epsilon * parameters.epsilon * area

    def goes_on(count, moving, *fields):
        return ops.logical_and(
            count < parameters.inner_iterations, ops.any(moving)
        )

    def step(count, moving, *fields):
        fields, error = inner_iteration(
            fields, coefficients, moving, parameters
        )
        still = ops.logical_and(moving, error > smallest)
        return (count + 1, still, *fields)

    count = ops.zeros((), "int32")
    _, moving, *fields = ops.while_loop(goes_on, step, (count, active, *fields))
    return tuple(fields), moving


def inner_iteration(fields, coefficients, active, parameters):
    """Runs the thresholding step, the primal step and the dual step of the
    active lanes.

    Some expressions are written for XLA on a CPU: `where` is faster than
    `minimum`, which checks for NaN, and a difference that is written in both
    directions is computed twice in registers instead of stored in memory.

    Args:
        fields: tuple of six: the flow x and y, and the dual variables times
            theta: of x horizontally and vertically, of y horizontally and
            vertically.
        coefficients: result of `linearize`.
        active: bool tensor `(lanes,)`.
        parameters: `Parameters`.

    Returns:
        The new fields, and the squared length of the primal step, `(lanes,)`.
    """
    x, y, *duals = fields
    normal_x, normal_y, residual, threshold = coefficients
    chosen = active[:, None, None]
    push = -(residual + normal_x * x + normal_y * y)
    push = ops.where(
        ops.abs(push) < threshold,
        push,
        ops.where(push < 0, -threshold, threshold),
    )
    new_x = x + normal_x * push + _divergence(*duals[:2])
    new_y = y + normal_y * push + _divergence(*duals[2:])
    new_x = ops.where(chosen, new_x, x)
    new_y = ops.where(chosen, new_y, y)
    error = ops.sum((new_x - x) ** 2 + (new_y - y) ** 2, axis=(1, 2))
    duals = [
        ops.where(chosen, new, old)
        for new, old in zip(
            _dual_step(new_x, *duals[:2], parameters)
            + _dual_step(new_y, *duals[2:], parameters),
            duals,
        )
    ]
    return (new_x, new_y, *duals), error


def _divergence(across, down):
    return (
        across
        - ops.pad(across[:, :, :-1], ((0, 0), (0, 0), (1, 0)))
        + (down - ops.pad(down[:, :-1], ((0, 0), (1, 0), (0, 0))))
    )


def _dual_step(flow, across, down, parameters):
    tau, theta = parameters.tau, parameters.theta
    left, right = flow[:, :, :-1], flow[:, :, 1:]
    upper, lower = flow[:, :-1], flow[:, 1:]
    last_column, last_row = ((0, 0), (0, 0), (0, 1)), ((0, 0), (0, 1), (0, 0))
    length = ops.sqrt(
        ops.pad(right - left, last_column) ** 2
        + ops.pad(lower - upper, last_row) ** 2
    )
    shrink = 1.0 / (1.0 + tau / theta * length)
    return (
        (across - tau * ops.pad(left - right, last_column)) * shrink,
        (down - tau * ops.pad(upper - lower, last_row)) * shrink,
    )
