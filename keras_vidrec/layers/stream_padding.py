"""Pads the feature maps of two streams to the same size."""

from keras import ops

# Rows or columns. A larger difference of sizes is not due to rounding.
MOST_PADDING = 2


def overlaid_shape(input_shape):
    """Returns the shape of two streams after padding, without channels.

    Args:
        input_shape: list of two shapes `(batch, ..., channels)` of the same
            rank. From rank 4 on, the two axes before the channels are height
            and width.

    Returns:
        Tuple `(batch, ...)`, with the larger height and width of the two; None
        for unknown sizes.

    Raises:
        ValueError: if there are not two shapes, their ranks differ or are less
            than 2, height or width differ by more than `MOST_PADDING`, or other
            axes differ.
    """
    if len(input_shape) != 2 or not all(
        isinstance(shape, (tuple, list)) for shape in input_shape
    ):
        raise ValueError(
            "Expected a list of two streams, [spatial, temporal]. Received: "
            f"input_shape={input_shape}"
        )
    spatial, temporal = map(tuple, input_shape)
    if len(spatial) != len(temporal) or len(spatial) < 2:
        raise ValueError(
            "Expected two streams of equal rank, at least 2. Received: "
            f"spatial={spatial}, temporal={temporal}"
        )
    maps = _map_axes(len(spatial))
    overlaid = []
    for axis, sizes in enumerate(zip(spatial[:-1], temporal[:-1])):
        unknown = None in sizes
        if axis in maps:
            if not unknown and max(sizes) - min(sizes) > MOST_PADDING:
                raise ValueError(
                    "Expected maps of two streams that differ by "
                    f"{MOST_PADDING} rows or columns at most, which are "
                    f"padded with zeros. Received: spatial={spatial}, "
                    f"temporal={temporal}"
                )
            overlaid.append(None if unknown else max(sizes))
        elif unknown or sizes[0] == sizes[1]:
            overlaid.append(sizes[1] if sizes[0] is None else sizes[0])
        else:
            raise ValueError(
                "Expected two streams that differ in height, width and "
                f"channels at most. Received: spatial={spatial}, "
                f"temporal={temporal}"
            )
    return tuple(overlaid)


def overlay(spatial, temporal):
    """Pads the smaller maps with zeros, at the bottom and on the right.

    Args:
        spatial, temporal: Tensors `(batch, ..., channels)` of equal rank, see
            `overlaid_shape`.

    Returns:
        The two tensors, with equal sizes of all axes but the channels.

    Raises:
        ValueError: as `overlaid_shape`. If sizes are only known when the graph
            runs, an error is raised then.
    """
    overlaid_shape([tuple(spatial.shape), tuple(temporal.shape)])
    for axis in _map_axes(len(spatial.shape)):
        sizes = spatial.shape[axis], temporal.shape[axis]
        if None not in sizes:
            size = max(sizes)
            spatial = _pad(spatial, axis, size - sizes[0])
            temporal = _pad(temporal, axis, size - sizes[1])
            continue
        # Padded by the largest possible amount and then cut, because `ops.pad`
        # needs static widths.
        size = ops.maximum(ops.shape(spatial)[axis], ops.shape(temporal)[axis])
        spatial = _cut(_pad(spatial, axis, MOST_PADDING), axis, size)
        temporal = _cut(_pad(temporal, axis, MOST_PADDING), axis, size)
    return spatial, temporal


def _map_axes(rank: int) -> tuple[int, ...]:
    """Returns the axes of height and width."""
    return (rank - 3, rank - 2) if rank >= 4 else ()


def _pad(stream, axis, missing):
    if missing == 0:
        return stream
    widths = [[0, 0] for _ in stream.shape]
    widths[axis][1] = missing
    return ops.pad(stream, widths)


def _cut(stream, axis, size):
    return stream[(slice(None),) * axis + (slice(size),)]
