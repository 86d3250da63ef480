"""One outer iteration of TV-L1 on a batch of lanes.

What both drivers share. A field is a float32 tensor `(lanes, height, width)`;
every lane stops by its own error, and nothing in a lane depends on the
others.
"""

from keras import ops

from keras_vidrec.flow.tvl1.sampling import gradient
from keras_vidrec.flow.tvl1.sampling import median
from keras_vidrec.flow.tvl1.sampling import warp

# Gradients smaller than this (squared) say nothing about the motion.
FLAT = 1.1920929e-07


def linearize(first, second, flow_x, flow_y, parameters):
    """Brightness constancy around a flow: one warp.

    The residual `rho(u) = I1(x + u0) + grad I1 (u - u0) - I0` is kept divided
    by the length of the gradient, which makes the thresholding step free of
    divisions: `v = u + n * clip(-rho(u) / |g|, -l |g|, l |g|)`, n = g / |g|.

    Images are gray, 0..255. Returns n across, n down, the constant part of the
    residual, and the threshold `l |g|`.
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
    """Lanes at the beginning of a level: see `tick`."""
    lanes = ops.shape(flow_x)[0]
    nothing = ops.zeros_like(flow_x)
    counts = ops.zeros((lanes,), "int32")
    fields = (flow_x, flow_y, *[nothing] * 4)
    return (counts, counts, counts, fields, (nothing,) * 4)


def tick(lanes, first, second, parameters):
    """One outer iteration of every lane that has warps left; those whose `warp`
    has reached `parameters.warps` stay as they came.

    A lane is `(warp, outer, exhausted, fields, coefficients)`: the number of
    its warps done, of the outer iterations done in the present one, and of
    the warps that ended at the limit of iterations and not because the flow
    had come to rest, int32 each; the six fields of `inner_iteration`; and what
    `linearize` returned for the present warp.
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
    # Both at once: the network is the largest part of the graph.
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
    """Iterates until each lane's flow rests; returns who still moves."""
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
    """Thresholding step, primal step and dual step on the active lanes: the new
    fields, and the squared length of the primal step per lane.

    Where an expression looks roundabout, it is for XLA on a CPU: `where` costs
    less than minima, which look for NaN, and a difference written in both
    directions is computed twice in registers and not once in memory.

    Args:
        fields: Tuple of six: flow across and down, and the dual variables of
            the flow across (across, down) and of the flow down (across,
            down), times theta.
        coefficients: What `linearize` returned.
        active: bool tensor `(lanes,)`.
        parameters: `Parameters`.
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
