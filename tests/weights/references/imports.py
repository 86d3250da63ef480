"""Published weights in networks of this package."""

import collections

import pytest

from keras_vidrec import applications
from keras_vidrec.weights.published import conversion
from keras_vidrec.weights.published.readers.opening import open_checkpoint

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")
# More threads wait for each other, at full load, longer than they compute.
torch.set_num_threads(1)
safetensors = pytest.importorskip(
    "safetensors.torch", reason="needs keras-vidrec[torch]"
)


def converted(checkpoint, model):
    conversion.convert(checkpoint, model)
    return model


def tsn(backbone, modality="rgb", **kwargs):
    return applications.TSN(
        classes=7, backbone=backbone, modality=modality, **kwargs
    )


def prefixed(prefix, tensors, head):
    """As tsn-pytorch names them: a classifier outside the tower."""
    return {
        name if name.startswith(head) else f"{prefix}{name}": array
        for name, array in tensors.items()
    }


def saved(tensors, path):
    """The checkpoint of a file that PyTorch has written, as tsn-pytorch's
    training does."""
    beside = {"epoch": 1, "arch": path.stem}
    torch.save({**beside, "state_dict": _state_dict(tensors)}, path)
    return open_checkpoint(path)


def saved_by_mmaction2(tensors, path, meta):
    """The same, as the training of mmaction2 does."""
    value = {
        "meta": {"epoch": 100, "iter": 93900, "seed": 0, **meta},
        "state_dict": collections.OrderedDict(_state_dict(tensors)),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.01}]},
    }
    torch.save(value, path)
    return open_checkpoint(path)


def saved_as_safetensors(tensors, path):
    """The same, as timm publishes weights."""
    safetensors.save_file(_state_dict(tensors), path, {"format": "pt"})
    return open_checkpoint(path)


def _state_dict(tensors):
    return {name: torch.tensor(array) for name, array in tensors.items()}
