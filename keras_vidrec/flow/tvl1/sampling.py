"""Reading images between and around their pixels: linear resizing, bicubic
warping, medians of a square window."""

from keras import ops

CUBIC_A = -0.75  # OpenCV's choice; the Catmull-Rom spline has -0.5
# A bicubic kernel that lies a whole kernel outside sees nothing but border.
BORDER = 4


def resize(images, height, width, scale):
    """Bilinear resizing of float32 tensors `(lanes, rows, columns)` without
    smoothing, pixel centers aligned; `scale` is the pair of source pixels per
    pixel of the result, down and across."""
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

    TensorFlow's `pad` has no such mode.
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

    Outside the images everything is 0. The images, a list, and the flow, in
    pixels, are float32 tensors `(lanes, height, width)`.
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


MEDIAN_SIZES = (1, 3, 5)


def median(images, size):
    """Median filter of float32 `(lanes, height, width)`, the border pixels
    repeated, in a window of side 1 (no filter), 3 or 5."""
    if size == 1:
        return images
    _, height, width = ops.shape(images)
    padded = repeat_border(repeat_border(images, size // 2, 1), size // 2, 2)
    columns = [
        _sorted(
            [
                padded[:, row : row + height, column : column + width]
                for row in range(size)
            ]
        )
        for column in range(size)
    ]
    rows = [_sorted(list(row)) for row in zip(*columns)]
    # Sorted down and across, an element has all those above and left of it
    # below itself in value: most are too low or too high to be the median,
    # and equally many on either side.
    half = (size * size + 1) // 2
    candidates = [
        rows[row][column]
        for row in range(size)
        for column in range(size)
        if (row + 1) * (column + 1) <= half
        and (size - row) * (size - column) <= half
    ]
    return _sorted(candidates)[len(candidates) // 2]


def _sorted(values):
    """Batcher's odd-even merge sort; unused comparisons are left out."""
    values = list(values)
    for low, high in _comparators(len(values)):
        a, b = values[low], values[high]
        # One machine instruction each; `minimum` would look for NaN too.
        values[low] = ops.where(a < b, a, b)
        values[high] = ops.where(a < b, b, a)
    return values


def _comparators(count):
    """Yields the pairs of indices to put in order (Knuth 5.2.2, M)."""
    top = 1 << (count - 1).bit_length() - 1
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while d > 0:
            for i in range(count - d):
                if i & p == r:
                    yield i, i + d
            d, q, r = q - p, q >> 1, p
        p >>= 1
