"""The median of a square window, by a network of minima and maxima."""

from keras import ops

from keras_vidrec.flow.tvl1.sampling import repeat_border

SIZES = (1, 3, 5)


def median(images, size):
    """Median filter, the border pixels repeated.

    Args:
        images: float32 tensor `(lanes, height, width)`.
        size: Side of the window: 1 (no filter), 3 or 5.

    Returns:
        float32 tensor of the same shape.
    """
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
    """Batcher's odd-even merge sort; what nobody reads is never computed."""
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
