"""Published weights in networks of this package."""

import pytest

from keras_vidrec import applications
from keras_vidrec.weights import conversion
from keras_vidrec.weights.readers.opening import open_checkpoint

torch = pytest.importorskip("torch", reason="needs keras-vidrec[torch]")


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
    state = {name: torch.tensor(array) for name, array in tensors.items()}
    torch.save({"epoch": 1, "arch": path.stem, "state_dict": state}, path)
    return open_checkpoint(path)
