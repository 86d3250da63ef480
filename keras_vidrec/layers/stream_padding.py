"""Pads the feature maps of two streams to the same size."""

from keras import ops

MOST_PADDING = 2  # rows or columns; a larger difference is no rounding


def overlaid_shape(input_shape):
    """Shape of two streams laid over each other, without their channels.

    Args:
        input_shape: list of two shapes `(batch, ..., channels)` of one rank.
            The two axes before the channels are height and width, where
            there are that many.

    Returns:
        Tuple `(batch, ...)`, with the larger height and width of the two;
        None where a size is unknown.

    Raises:
        ValueError: on other than two shapes, on ranks that differ or are
            under 2, on maps more than `MOST_PADDING` rows or columns apart,
            and on other axes that differ.
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
        spatial, temporal: Tensors `(batch, ..., channels)` of equal rank, as
            `overlaid_shape` accepts them.

    Returns:
        The two tensors, equal in all axes but the channels.

    Raises:
        ValueError: as `overlaid_shape`. Sizes that are unknown until the
            graph runs fail there.
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


def _map_axes(rank):
    return (rank - 3, rank - 2) if rank >= 4 else ()


def _pad(stream, axis, missing):
    if missing == 0:
        return stream
    widths = [[0, 0] for _ in stream.shape]
    widths[axis][1] = missing
    return ops.pad(stream, widths)


def _cut(stream, axis, size):
    return stream[(slice(None),) * axis + (slice(size),)]
