"""Reading networks of MatConvNet from files of MATLAB."""

import types
import zlib

import numpy as np

from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import hdf5
from keras_vidrec.weights.published.readers import matlab_v7
from keras_vidrec.weights.published.readers import matlab_v73

_READERS = types.MappingProxyType(
    {
        b"MATLAB 5.0 MAT-file": matlab_v7.read_tree,
        b"MATLAB 7.3 MAT-file": matlab_v73.read_tree,
    }
)
# A network is saved as `net`, or as its fields. Other variables, which training
# saves, are not read.
_VARIABLES = ("net", "layers", "params", "meta", "normalization", "classes")
# Letters after the name of a layer, as in DagNN's conversion of SimpleNN.
_LETTERS = types.MappingProxyType({"conv": "fb", "convt": "fb", "bnorm": "mbx"})


def recognizes(path, head) -> bool:
    """Whether a file was saved by MATLAB."""
    return head.startswith(tuple(_READERS))


def read(path):
    """Reads a network of MatConvNet, `DagNN` or `SimpleNN`, from a `.mat`.

    Args:
        path: path of a file of MATLAB's version 5 to 7.3. The network is the
            variable `net`, or the variables are its fields.

    Returns:
        `Checkpoint` with the parameters of the network, by their names in
        DagNN; for SimpleNN, which has no names for them, by those of
        MatConvNet's conversion to DagNN (`conv1f`, `conv1b`; batch
        normalization `m`, `b`, `x`; layer 38 without a name is `layer38`).
        Facts are

        - `average_image`: float array `(height, width, channels)`, or `None`;
        - `image_size`: tuple of int, height, width and channels, or `None`;
        - `strides`: dict from layers to pairs of int, height and width;
        - `has_bias`: dict from convolutions to bool;
        - `class_names`: tuple of str; `None` if the file has none, or no layer
          has as many outputs.

    Raises:
        ValueError: if the file is damaged or hostile, or has no network.
    """
    with open(path, "rb") as file:
        head = file.read(19)
    if head not in _READERS:
        raise ValueError(
            f"Expected a file of MATLAB, version 5 to 7.3. Received: {path}, "
            f"which starts with {head!r}"
        )
    try:
        tree = _READERS[head](path, _VARIABLES)
    except (*hdf5.ERRORS, zlib.error) as error:
        raise ValueError(
            f"Expected an undamaged file of MATLAB. Received: {path}: {error}"
        ) from error
    net = tree.get("net", tree)
    layers = _structs(net, "layers")
    params = _structs(net, "params")
    if params:
        tensors = _tensors((p.get("name"), p.get("value")) for p in params)
    else:
        tensors = _tensors(_simple_params(layers))
    if not tensors:
        raise ValueError(
            "Expected a network of MatConvNet: `net`, or `layers`, of SimpleNN "
            f"or DagNN, with weights. Received: {path} with "
            f"{tuple(tree) or 'none of these'}"
        )
    return Checkpoint(
        str(path), "matconvnet", tensors, _facts(net, layers, tensors)
    )


def _structs(parent, name):
    """Returns the structs of an array or a cell array; a single struct may be
    an array of one."""
    value = parent.get(name) if isinstance(parent, dict) else None
    value = value if isinstance(value, list) else [value]
    return [entry for entry in value if isinstance(entry, dict)]


def _tensors(params):
    tensors = {}
    for name, value in params:
        if not isinstance(name, str) or name in tensors:
            raise ValueError(
                "Expected parameters with different names. Received: "
                f"{name!r} after {tuple(tensors)[-3:]}"
            )
        if not isinstance(value, np.ndarray):
            raise ValueError(
                "Expected parameters that are arrays in main memory (in "
                "MATLAB, `net.move('cpu')` before saving). Received something "
                f"else for {name!r}"
            )
        if value.size:
            tensors[name] = value
    return tensors


def _simple_params(layers):
    """Yields the names and values of the weights of a SimpleNN."""
    for number, layer in enumerate(layers, start=1):
        name = layer.get("name") or f"layer{number}"
        weights = layer.get("weights")
        if not isinstance(weights, list):
            weights = [layer[w] for w in ("filters", "biases") if w in layer]
        for letter, value in zip(_LETTERS.get(layer.get("type"), ""), weights):
            yield f"{name}{letter}", value


def _facts(net, layers, tensors):
    meta = net.get("meta")
    # In the oldest files these are fields of the network itself.
    meta = meta if isinstance(meta, dict) else net
    normalization = meta.get("normalization")
    normalization = normalization if isinstance(normalization, dict) else {}
    strides, has_bias = {}, {}
    for number, layer in enumerate(layers, start=1):
        name = layer.get("name") or f"layer{number}"
        block = layer.get("block")
        block = block if isinstance(block, dict) else layer
        stride = _integers(block.get("stride"))
        if len(stride) in (1, 2):
            strides[name] = (stride[0], stride[-1])
        if layer.get("type") in ("dagnn.Conv", "conv"):
            flag = _integers(block.get("hasBias"))
            has_bias[name] = bool(flag[0]) if flag else f"{name}b" in tensors
    average = normalization.get("averageImage")
    is_image = isinstance(average, np.ndarray) and average.size
    return {
        "average_image": average if is_image else None,
        "image_size": _integers(normalization.get("imageSize")) or None,
        "strides": strides,
        "has_bias": has_bias,
        "class_names": _class_names(meta.get("classes"), tensors),
    }


def _integers(value):
    if not isinstance(value, np.ndarray) or not np.isfinite(value).all():
        return ()
    return tuple(int(number) for number in value.reshape(-1)[:16])


def _class_names(classes, tensors):
    classes = classes if isinstance(classes, dict) else {}
    for key in ("description", "name"):
        names = classes.get(key)
        if isinstance(names, list) and all(isinstance(n, str) for n in names):
            # A network trained further may have the names of older classes.
            if any(t.shape[-1:] == (len(names),) for t in tensors.values()):
                return tuple(names)
    return None
