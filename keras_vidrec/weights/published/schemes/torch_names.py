"""Names of the tensors of PyTorch's layers."""

_CONVOLUTION = {"weight": "kernel", "bias": "bias"}
_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def places(convolutions, normalizations=None):
    """Where the tensors of a state dict belong.

    Args:
        convolutions: dict of our layers by the names of modules, convolutions
            and fully connected layers.
        normalizations: the same of batch normalizations. Defaults to none.

    Returns:
        dict of pairs of our layer and its variable by the name of the tensor:
        `{"conv1.weight": ("conv1", "kernel"), ...}`.
    """
    kinds = (
        (convolutions, _CONVOLUTION),
        (normalizations or {}, _NORMALIZATION),
    )
    return {
        f"{module}.{tensor}": (layer, variable)
        for modules, variables in kinds
        for module, layer in modules.items()
        for tensor, variable in variables.items()
    }


def counters(tensors):
    """Tensors of batch normalizations that count steps, with the reason to
    leave them out."""
    return {
        name: "counts training steps"
        for name in tensors
        if name.endswith(".num_batches_tracked")
    }
