"""Operations on images: bilinear resizing, gradients, bicubic warping, and the
median filter."""

from keras import ops

CUBIC_A = -0.75  # as in OpenCV; the Catmull-Rom spline has -0.5
# Width of the border of zeros, the size of the bicubic kernel. Positions
# farther outside are moved to where the kernel covers only border.
BORDER = 4


def resize(images, height, width, scale):
    """Resizes float32 images `(lanes, rows, columns)` bilinearly, without
    antialiasing, with aligned pixel centers; `scale` is the pair of source
    pixels per pixel of the result, vertically and horizontally."""
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
    """Returns two source pixels for every new one, and the second's weight."""
    position = (ops.arange(new_size, dtype="float32") + 0.5) * scale - 0.5
    last = ops.cast(size - 1, "float32")
    position = ops.minimum(ops.maximum(position, 0.0), last)
    first = ops.floor(position)
    index = ops.cast(first, "int32")
    return index, ops.minimum(index + 1, size - 1), position - first


def repeat_border(images, count, axis):
    """Pads both ends of an axis (1 or 2) with `count` copies of the border
    pixels. `tf.pad` has no such mode."""
    if axis == 1:
        first, last = images[:, :1], images[:, -1:]
    else:
        first, last = images[:, :, :1], images[:, :, -1:]
    return ops.concatenate([first] * count + [images] + [last] * count, axis)


def gradient(images):
    """Returns the centered differences of images, horizontally and vertically,
    with repeated border pixels."""
    padded = repeat_border(images, 1, 2)
    across = 0.5 * (padded[:, :, 2:] - padded[:, :, :-2])
    padded = repeat_border(images, 1, 1)
    return across, 0.5 * (padded[:, 2:] - padded[:, :-2])


def warp(images, flow_x, flow_y):
    """Returns a list of images in which each pixel has the value of the input
    at that pixel moved by its flow, by bicubic interpolation.

    Pixels outside the images are 0. The images, a list, and the flow, in
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
    """Returns the index in the padded image of the first of the four pixels of
    the bicubic kernel at `position`, and the weights of the four."""
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
    """Filters float32 images `(lanes, height, width)` by the median of a square
    window of side 1 (no filter), 3 or 5, with repeated border pixels."""
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
    # With sorted rows and columns, an element is at least as large as those
    # above and to the left of it. So most elements are too low or too high to
    # be the median, equally many of both.
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
    """Sorts tensors elementwise by Batcher's odd-even merge sort."""
    values = list(values)
    for low, high in _comparators(len(values)):
        a, b = values[low], values[high]
        # A single machine instruction; `minimum` would also check for NaN.
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
