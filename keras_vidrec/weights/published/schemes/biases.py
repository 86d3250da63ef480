"""Biases that the networks of this package have and others have not."""

# Their layers have a bias in every style.
_ALWAYS = ("logits", "_temporal", "fusion_relu5")


def has_bias(layer, style):
    """Whether a convolution, or a classifier, of this package has a bias.

    Args:
        layer: str. Name of it in a tower.
        style: `None`, or str. Style of a residual network, as `Translation`
            has it.
    """
    return style != "pytorch" or layer.endswith(_ALWAYS)


def zero_biases(pieces, style):
    """The biases that were trained without: as 0 they change nothing.

    Args:
        pieces: dict of `Piece` by `Slot`.
        style: as `has_bias` takes it.

    Returns:
        tuple of `Slot`, in the order of the kernels.
    """
    biases = (
        slot._replace(variable="bias")
        for slot in pieces
        if slot.variable == "kernel" and has_bias(slot.layer, style)
    )
    return tuple(bias for bias in biases if bias not in pieces)
