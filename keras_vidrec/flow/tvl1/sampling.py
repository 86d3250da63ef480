"""Reading images between their pixels: linear resizing, bicubic warping."""

from keras import ops

CUBIC_A = -0.75  # OpenCV's choice; the Catmull-Rom spline has -0.5
# A bicubic kernel that lies a whole kernel outside sees nothing but border.
BORDER = 4


def resize(images, height, width, scale):
    """Bilinear resizing without smoothing, pixel centers aligned.

    Args:
        images: float32 tensor `(lanes, rows, columns)`.
        height, width: Size of the result.
        scale: Pair of source pixels per pixel of the result, down and across.

    Returns:
        float32 tensor `(lanes, height, width)`.
    """
    _, rows, columns = ops.shape(images)
    left, right, weight = _linear(columns, width, scale[1])
    images = ops.take(images, left, axis=2) * (1 - weight) + (
        ops.take(images, right, axis=2) * weight
    )
    upper, lower, weight = _linear(rows, height, scale[0])
    weight = weight[:, None]
    return ops.take(images, upper, axis=1) * (1 - weight) + (
        ops.take(images, lower, axis=1) * weight
    )


def _linear(size, new_size, scale):
    """The two source pixels of every new one, and the weight of the second."""
    position = (ops.arange(new_size, dtype="float32") + 0.5) * scale - 0.5
    last = ops.cast(size - 1, "float32")
    position = ops.minimum(ops.maximum(position, 0.0), last)
    first = ops.floor(position)
    index = ops.cast(first, "int32")
    return index, ops.minimum(index + 1, size - 1), position - first


def repeat_border(images, count, axis):
    """Pads both ends of an axis with `count` copies of the border pixels.

    TensorFlow's `pad` knows no such mode.
    """
    if axis == 1:
        first, last = images[:, :1], images[:, -1:]
    else:
        first, last = images[:, :, :1], images[:, :, -1:]
    return ops.concatenate([first] * count + [images] + [last] * count, axis)


def gradient(images):
    """Centered differences across and down, the border pixels repeated."""
    padded = repeat_border(images, 1, 2)
    across = 0.5 * (padded[:, :, 2:] - padded[:, :, :-2])
    padded = repeat_border(images, 1, 1)
    return across, 0.5 * (padded[:, 2:] - padded[:, :-2])


def warp(images, flow_x, flow_y):
    """Bicubic reading of several images at every pixel moved by its flow.

    Outside the images everything is 0.

    Args:
        images: List of float32 tensors `(lanes, height, width)`.
        flow_x, flow_y: Tensors of that shape, in pixels.

    Returns:
        List of float32 tensors of the same shape.
    """
    lanes, height, width = ops.shape(images[0])
    columns = ops.arange(width, dtype="float32")
    rows = ops.arange(height, dtype="float32")[:, None]
    left, weights_x = _cubic(columns + flow_x, width)
    top, weights_y = _cubic(rows + flow_y, height)
    stride = width + 2 * BORDER
    lane = ops.arange(lanes, dtype="int32")[:, None, None]
    corner = left + stride * (top + (height + 2 * BORDER) * lane)
    sides = ((0, 0), (BORDER, BORDER), (BORDER, BORDER))
    warped = []
    for image in images:
        table = ops.reshape(ops.pad(image, sides), (-1,))
        total = 0.0
        for i, weight_y in enumerate(weights_y):
            row = 0.0
            for j, weight_x in enumerate(weights_x):
                tap = ops.take(table, corner + (i * stride + j), axis=0)
                row = row + weight_x * tap
            total = total + weight_y * row
        warped.append(total)
    return warped


def _cubic(position, size):
    """Index of the first of four taps in the padded image, and their
    weights."""
    floor = ops.floor(position)
    t = position - floor
    a = CUBIC_A
    before, after = t + 1, 1 - t
    first = ((a * before - 5 * a) * before + 8 * a) * before - 4 * a
    second = ((a + 2) * t - (a + 3)) * t * t + 1
    third = ((a + 2) * after - (a + 3)) * after * after + 1
    weights = (first, second, third, 1 - first - second - third)
    furthest = ops.cast(size + 1, "float32")
    floor = ops.minimum(ops.maximum(floor, 1.0 - BORDER), furthest)
    return ops.cast(floor, "int32") + (BORDER - 1), weights
