"""Names of tensors in state dicts of PyTorch."""

# What torch.nn.DataParallel puts before every name.
_PARALLEL = "module."


def without_wrapper(tensors):
    """The tensors by the names they had before a model was wrapped to train
    on several devices: `module.conv1.weight` is `conv1.weight`.

    Args:
        tensors: dict by name.

    Returns:
        dict, with the prefix `module.` removed if all names have it.
    """
    if not all(name.startswith(_PARALLEL) for name in tensors):
        return tensors
    return {
        name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()
    }
