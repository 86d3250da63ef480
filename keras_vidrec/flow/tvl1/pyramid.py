"""The levels of TV-L1: their sizes, images and initial flow."""

from keras import ops

from keras_vidrec.flow.tvl1.sampling import resize

SMALLEST = 16


def level_sizes(height, width, parameters):
    """Returns the sizes of all levels, finest first.

    They are a list of `(height, width, used)`. If sizes are int, levels that
    are too small are left out and `used` is `True`. If they are known only at
    run time, `used` is a tensor: whether the level is large enough.
    """
    sizes = [(height, width, True)]
    for _ in range(parameters.scales - 1):
        height, width = (
            _shorter(size, parameters.scale_step) for size in (height, width)
        )
        used = ops.logical_and(height >= SMALLEST, width >= SMALLEST)
        if isinstance(height, int) and isinstance(width, int):
            if min(height, width) < SMALLEST:
                break
            used = True
        sizes.append((height, width, used))
    return sizes


def _shorter(size, scale_step):
    if isinstance(size, int):
        return max(1, round(size * scale_step))
    shorter = ops.round(ops.cast(size, "float32") * scale_step)
    return ops.cast(ops.maximum(shorter, 1.0), "int32")


def smaller_images(images, sizes, parameters):
    """Returns a list of images resized to every level, finest first."""
    scale = 1 / parameters.scale_step
    levels = [images]
    for height, width, _ in sizes[1:]:
        levels.append(resize(levels[-1], height, width, (scale, scale)))
    return levels


def larger_flow(flow_x, flow_y, height, width, parameters):
    """Returns the flow of a level, resized and scaled to the next finer one."""
    _, rows, columns = ops.shape(flow_x)
    scale = (_ratio(rows, height), _ratio(columns, width))
    return tuple(
        resize(flow, height, width, scale) * (1 / parameters.scale_step)
        for flow in (flow_x, flow_y)
    )


def _ratio(size, new_size):
    return ops.cast(size, "float32") / ops.cast(new_size, "float32")
