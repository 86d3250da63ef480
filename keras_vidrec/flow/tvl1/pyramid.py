"""The levels of TV-L1: their sizes, and the way from one to the next."""

from keras import ops

from keras_vidrec.flow.tvl1.sampling import resize

SMALLEST = 16


def level_sizes(height, width, parameters):
    """`(height, width, whether it is used)` of every level, finest first.

    Sizes that are known are plain integers, and levels known to be too small
    are left out. Of sizes known only at run time, the last item is a tensor.
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
    """The images at every level, finest first."""
    scale = 1 / parameters.scale_step
    levels = [images]
    for height, width, _ in sizes[1:]:
        levels.append(resize(levels[-1], height, width, (scale, scale)))
    return levels


def larger_flow(flow_x, flow_y, height, width, parameters):
    """The flow of a level as the start of the next, finer one."""
    _, rows, columns = ops.shape(flow_x)
    scale = (_ratio(rows, height), _ratio(columns, width))
    return tuple(
        resize(flow, height, width, scale) * (1 / parameters.scale_step)
        for flow in (flow_x, flow_y)
    )


def _ratio(size, new_size):
    return ops.cast(size, "float32") / ops.cast(new_size, "float32")
