"""Reading checkpoints of PyTorch, `.pth` and `.pt`."""

import os
import zipfile

from keras_vidrec.specs import checks
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import plain_tensors
from keras_vidrec.weights.published.readers import torch_checks

# Files of PyTorch before 1.6 begin with a pickled number, here without the
# version of the pickle.
_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

# Keys of the state dict in files of training scripts, by preference.
_STATE_DICTS = ("state_dict", "model_state_dict", "model", "net")
_CLASSES = ("CLASSES", "classes")
_CONFIGS = ("config", "cfg")

# The prefix that torch.nn.DataParallel adds to every name.
_PARALLEL = "module."

# Types of the numbers of weights and counters.
_PLAIN = frozenset(
    f"torch.{kind}"
    for kind in (
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "bool",
    )
)

# Tensors may have this many times the size of the file, because a file may name
# some tensors twice.
_MOST_REPEATED = 2


class _StandIn:
    """Replaces objects of classes that must not be loaded."""

    def __new__(cls, *args):
        return super().__new__(cls)

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        pass


def recognizes(path, head) -> bool:
    """Whether a file was written by `torch.save`."""
    if head.startswith(torch_checks.ZIP):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except torch_checks.BAD_ZIP:
            return False
        return any(name.endswith("/data.pkl") for name in names)
    return head[:1] == b"\x80" and head[2:].startswith(_LEGACY)


def read(path):
    """Reads the state dict of a checkpoint.

    The file may contain the state dict itself, or a dict with it under
    `"state_dict"`, `"model_state_dict"`, `"model"` or `"net"`. If all names
    have the prefix `module.` of `DataParallel`, it is removed. Floats of 16 and
    64 bits become float32.

    The file is not trusted: sizes are checked before anything is loaded, only
    tensors and plain values are loaded, and no code in it runs. Files without
    other objects are read without PyTorch.

    Args:
        path: path of the file.

    Returns:
        `Checkpoint` of format `"pytorch"`. Its facts are `"epoch"`, `"arch"`,
        `"class_names"` (tuple of str) and `"config"` (str, of mmaction2), if
        the file has them.

    Raises:
        ImportError: if the file contains other objects, and PyTorch is not
            installed.
        ValueError: if the file is damaged or has no state dict.
    """
    path = os.fspath(path)
    loaded, tensor = _load(path, torch_checks.check(path))
    tensors = _state_dict(path, loaded, tensor)
    _check_tensors(path, tensors)
    return Checkpoint(
        path,
        "pytorch",
        without_wrapper(
            {name: _array(tensor) for name, tensor in tensors.items()}
        ),
        _facts(loaded),
    )


def _load(path, stand_ins):
    """Returns the saved object, and the class of the tensors in it."""
    if not stand_ins:
        try:
            return plain_tensors.read(path), plain_tensors.Tensor
        except plain_tensors.NotPlain:
            pass
    torch = _import_torch()
    try:
        with (
            open(path, "rb") as file,
            torch.serialization.safe_globals(
                [(_StandIn, name) for name in sorted(stand_ins)]
            ),
        ):
            loaded = torch.load(
                file, map_location=_fixed(torch), weights_only=True
            )
    except Exception as error:
        # PyTorch has no special error for damaged files: any step may fail.
        raise torch_checks.damaged(path, _reason(error)) from error
    return loaded, torch.Tensor


def without_wrapper(tensors):
    """Returns the tensors without the prefix `module.` of `DataParallel`, if
    all names have it: `module.conv1.weight` becomes `conv1.weight`."""
    if not all(name.startswith(_PARALLEL) for name in tensors):
        return tensors
    return {
        name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()
    }


def _import_torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Reading PyTorch checkpoints that contain more than tensors and "
            f"plain values needs PyTorch: `{checks.how_to_install('torch')}`"
        ) from error
    return torch


def _fixed(torch):
    """Returns a function for `map_location` that moves storages to memory with
    a fixed size.

    For files in the old format, PyTorch would enlarge a storage to the size
    that any tensor states, even one that is not kept. It cannot enlarge memory
    of NumPy.
    """

    def place(storage, location):
        if not storage.resizable():
            return storage
        # A copy, whether the numbers were already read or are read later.
        numbers = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
        return torch.from_numpy(numbers.copy()).untyped_storage()

    return place


def _state_dict(path, loaded, tensor):
    if not isinstance(loaded, dict):
        raise ValueError(
            "Expected a state dict, tensors by name. Received: "
            f"{path} with a {type(loaded).__name__}"
        )
    for key in _STATE_DICTS:
        if isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            break
    others = [
        f"{name} ({type(value).__name__})"
        for name, value in loaded.items()
        if not isinstance(name, str) or not isinstance(value, tensor)
    ]
    if not loaded or others:
        what = f"with {', '.join(others[:5])}" if others else "without any"
        raise ValueError(
            "Expected a state dict, tensors by name, or a dict with one under "
            f"any of {_STATE_DICTS}. Received: {path} {what}"
        )
    return loaded


def _check_tensors(path, tensors):
    total = 0
    for name, tensor in tensors.items():
        needed, there = _sizes(path, name, tensor)
        total += needed
        if needed > there or total > _MOST_REPEATED * os.path.getsize(path):
            raise ValueError(
                "Expected tensors that do not repeat their numbers. Received: "
                f"{name} of shape {tuple(tensor.shape)}, {needed} bytes, on "
                f"{there} bytes of {path}"
            )


def _sizes(path, name, tensor):
    """Returns the bytes of a tensor, and of its storage."""
    if isinstance(tensor, plain_tensors.Tensor):
        return tensor.nbytes, tensor.stored
    kind, layout = str(tensor.dtype), str(tensor.layout)
    if kind not in _PLAIN or layout != "torch.strided":
        raise ValueError(
            "Expected tensors of plain numbers. Received: "
            f"{name} of {kind}, {layout} in {path}"
        )
    needed = tensor.numel() * tensor.element_size()
    return needed, tensor.untyped_storage().nbytes()


def _array(tensor):
    if isinstance(tensor, plain_tensors.Tensor):
        array = tensor.numpy()
        return array.astype("float32") if array.dtype.kind == "f" else array
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.float()
    return tensor.numpy()


def _facts(loaded):
    meta = loaded.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    dataset = meta.get("dataset_meta")
    dataset = dataset if isinstance(dataset, dict) else {}
    facts = {}
    for name, kind in (("epoch", int), ("arch", str)):
        value = loaded.get(name, meta.get(name))
        if isinstance(value, kind):
            facts[name] = value
    for name in _CONFIGS:
        if isinstance(meta.get(name), str):
            facts["config"] = meta[name]
    for name in _CLASSES:
        classes = dataset.get(name, meta.get(name))
        if isinstance(classes, list | tuple) and classes:
            if all(isinstance(one, str) for one in classes):
                facts["class_names"] = tuple(classes)
    return facts


def _reason(error):
    # PyTorch's texts recommend to load the file with `weights_only=False`.
    text = str(error).rpartition("WeightsUnpickler error:")[2].strip()
    first, *_ = text.splitlines() or [""]
    return f"{type(error).__name__}: {first}"
