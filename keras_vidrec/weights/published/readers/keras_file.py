"""Reading weights files of Keras, without building their models."""

import collections
import re
import types
import zipfile
import zlib

import h5py

from keras_vidrec.specs import documents
from keras_vidrec.weights.published.checkpoint import Checkpoint
from keras_vidrec.weights.published.readers import hdf5
from keras_vidrec.weights.published.readers.size_budget import SizeBudget

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"

_CHUNK = 2**20
# Limit for a configuration: `_FREE` bytes and `_GROWTH` times its packed size.
_FREE = 2**23
_GROWTH = 20

# Variables in the order in which Keras 3 numbers them, by class in snake case.
# In other layers a matrix that comes first is a kernel; a bias may follow.
_NORMALIZATION = "batch_normalization"
_RECURRENT = ("kernel", "recurrent_kernel", "bias")
_VARIABLES = types.MappingProxyType(
    {
        _NORMALIZATION: ("gamma", "beta", "moving_mean", "moving_variance"),
        "consensus_layer": ("segment_weights",),
        "gru_cell": _RECURRENT,
        "lstm_cell": _RECURRENT,
        "seed_generator": ("seed_generator_state",),
        "simple_rnn_cell": _RECURRENT,
    }
)

_BROKEN = (*hdf5.ERRORS, EOFError, zipfile.BadZipFile, zlib.error)


def recognizes(path, head) -> bool:
    """Whether a file is one of Keras, or any HDF5 file; `read` refuses those of
    other programs."""
    if not head.startswith(_ZIP):
        return head.startswith(_HDF5)
    try:
        with zipfile.ZipFile(path) as archive:
            return {_CONFIG, _WEIGHTS} <= {*archive.namelist()}
    except _BROKEN:
        return False


def read(path):
    """Reads the weights in a file of Keras.

    Three layouts are supported: the legacy `.h5` in which `keras.applications`
    publishes its weights, also as part of a whole model; the `.weights.h5` of
    Keras 3; and its `.keras`. No model is built and no code is run; only the
    names in the configuration are used.

    Tensors are named `<layer>/<variable>` (`conv1_conv/kernel`), those of a
    nested model `rgb/conv1/kernel`. The state of an optimizer is left out.

    Args:
        path: str. The file.

    Returns:
        `Checkpoint` of format `"keras"`. Its facts are `layout` (`"legacy"`
        or `"keras3"`), `layers`, a dict from the name of a tensor to the path
        of its layer, `config`, the model's configuration as parsed JSON in a
        `.keras`, else `None`, and `class_names`, a tuple of str if it has
        them, else `None`.

    Raises:
        ValueError: if the file is damaged, announces more than its size allows,
            links to other files, is not from Keras, or does not name its
            layers.
    """
    try:
        budget = SizeBudget(path)
        if not zipfile.is_zipfile(path):
            with hdf5.opened(path) as file:
                return _checkpoint(path, file, None, budget)
        with zipfile.ZipFile(path) as archive:
            config = _config(archive, budget)
            weights = _member(archive, _WEIGHTS, budget)
        with hdf5.opened(path, weights) as file:
            return _checkpoint(path, file, config, budget)
    except _BROKEN as error:
        raise ValueError(
            "Expected a whole weights file of Keras (.h5, .weights.h5 or "
            f".keras). Received: {path}: {_reason(error)}"
        ) from error


def check(path):
    """Checks a `.keras` file before Keras unpacks it. Keras trusts the sizes
    that a file announces, and ignores wrong checksums.

    Args:
        path: path of a zip archive.

    Raises:
        ValueError: if a part is damaged, or expands to more than the limit for
            a file of this size.
        KeyError, OSError, zipfile.BadZipFile, zlib.error: if it is not a
            complete `.keras` file.
    """
    with zipfile.ZipFile(path) as archive:
        budget = SizeBudget(path)
        _config(archive, budget)
        members = {member.filename: member for member in archive.infolist()}
        for member in members.values():
            budget.spend(member.file_size)
            with archive.open(member) as file:
                while file.read(_CHUNK):
                    pass  # the checksum is verified at the end


def _reason(error):
    """Returns the text of an error, without the quotes of a `KeyError`."""
    return error.args[0] if isinstance(error, KeyError) else str(error)


def _config(archive, budget):
    """Returns the model's configuration. Its limit is lower than that of
    `SizeBudget` for the whole file, because Keras does not compress it."""
    info = archive.getinfo(_CONFIG)
    if info.file_size > _FREE + _GROWTH * info.compress_size:
        raise ValueError(
            f"{_CONFIG} announces {info.file_size} bytes, as a damaged or "
            "hostile file does"
        )
    return documents.parse_json(_member(archive, _CONFIG, budget))


def _member(archive, name, budget):
    """Returns the bytes of a member of a zip archive."""
    info = archive.getinfo(name)
    budget.spend(info.file_size)
    return archive.read(info)


def _checkpoint(path, file, config, budget):
    if "layers" in file or "vars" in file:
        layout, found = "keras3", _keras3_datasets(file, config)
    else:
        layout, found = "legacy", _legacy_datasets(file)
    datasets, layers = {}, {}
    for name, layer, dataset in found:
        if name in datasets:
            raise ValueError(f"two tensors are named {name!r}")
        datasets[name], layers[name] = dataset, layer
    if not datasets:
        raise ValueError("no weights of layers in it")
    return Checkpoint(
        path=str(path),
        format="keras",
        tensors={
            name: _array(name, data, budget) for name, data in datasets.items()
        },
        facts={
            "layout": layout,
            "layers": layers,
            "config": config,
            "class_names": _class_names(config),
        },
    )


def _class_names(config):
    """Returns the class names in the last layer of this package's networks;
    `None` for other networks."""
    for _, layer in _configurations(config, ""):
        names = layer["config"].get("class_names")
        if layer["class_name"] == "ClassScores" and isinstance(names, list):
            return tuple(map(str, names))
    return None


def _legacy_datasets(file):
    """Yields name, layer and dataset of each tensor, with a group per layer."""
    if "model_weights" in file:
        file = hdf5.member(file, "model_weights")
    for layer in _names(file, "layer_names"):
        group = hdf5.member(file, layer)
        weights = _names(group, "weight_names")
        # Only a nested model has variables of several layers in its group.
        nested = len({name.rpartition("/")[0] for name in weights}) > 1
        for weight in weights:
            inner, _, variable = weight.rpartition("/")
            path = layer
            if nested:
                inner = inner.removeprefix(layer).strip("/")
                path = f"{layer}/{inner}" if inner else layer
            name = f"{path}/{_legacy_variable(variable, layer)}"
            yield name, path, hdf5.member(group, weight)


def _legacy_variable(name, layer):
    """Returns the name of a variable: `kernel` for `kernel:0`, and for
    `block1_conv1_W_1:0` of Keras 1."""
    name = name.partition(":")[0].removeprefix(f"{layer}_")
    name = re.sub(r"_\d+$", "", name)
    return {"W": "kernel", "b": "bias"}.get(name, name)


def _names(group, attribute):
    """Returns the strings in one or several numbered attributes of a group."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    elif f"{attribute}0" in group.attrs:
        parts = []
        while (key := f"{attribute}{len(parts)}") in group.attrs:
            parts.append(group.attrs[key])
    else:
        raise ValueError(f"no {attribute} in {group.name!r}")
    return [_text(name) for part in parts for name in part]


def _text(name) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def _keras3_datasets(file, config):
    """Yields name, layer and dataset of each tensor. Layers are groups named by
    class and number; their names are in the group or in the configuration."""
    known, seen = dict(_configurations(config, "")), set()

    def walk(group, key, names, layer):
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            raise ValueError(f"the group {key!r} occurs twice")
        seen.add(address)
        if key and ("vars" in group or key in known):
            names = (*names, _layer_name(group, key, known))
            # Layers inside a layer that is not a model are parts of it.
            if layer is None and "layers" not in group:
                layer = "/".join(names)
        if "vars" in group:
            # The group of a layer is named by its class, the group of a part of
            # a layer by the attribute. The name of a part, which is made from
            # its class, is then used.
            kinds = [
                re.sub(r"_\d+$", "", name)
                for name in (key.rpartition("/")[2], *names[-1:])
            ]
            settings = known.get(key, {}).get("config", {})
            for variable, data in _variables(group, kinds, settings).items():
                yield "/".join((*names, variable)), layer or "", data
        for part in group:
            # Next to the layers there may be the state of an optimizer.
            if part != "vars" and (key or part == "layers"):
                child = hdf5.member(group, part)
                if isinstance(child, h5py.Group):
                    yield from walk(
                        child, f"{key}/{part}".lstrip("/"), names, layer
                    )

    return walk(file, "", (), None)


def _configurations(config, path):
    """Yields pairs of the group of a layer and its configuration."""
    if config is None:
        return
    if not isinstance(config, dict) or not isinstance(config["config"], dict):
        raise ValueError(f"{path or 'the model'!r} has no configuration")
    counts = collections.Counter()
    for layer in config["config"].get("layers", ()):
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", layer["class_name"])
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        number = f"_{counts[kind]}" if counts[kind] else ""
        counts[kind] += 1
        group = f"{path}layers/{kind}{number}"
        yield from _configurations(layer, f"{group}/")
        yield group, layer


def _layer_name(group, key, known):
    if "vars" in group:
        name = hdf5.member(group, "vars").attrs.get("name")
        if name is not None:
            return _text(name)
    if key in known:
        return str(known[key]["config"]["name"])
    *_, parent, attribute = key.split("/")
    if parent != "layers":
        return attribute
    raise ValueError(
        f"the layer {key!r} has no name, so it cannot be identified without "
        "its model; load the file into its model, and save this as .keras"
    )


def _variables(group, kinds, settings):
    """Returns a dict from the names of a layer's variables to datasets."""
    group = hdf5.member(group, "vars")
    data = [hdf5.member(group, str(number)) for number in range(len(group))]
    kind = next((kind for kind in kinds if kind in _VARIABLES), None)
    if kind is None and len(data) > 2 and not any(d.ndim - 1 for d in data):
        # Three or more vectors: a batch normalization with a user's name.
        kind = _NORMALIZATION
    if kind == _NORMALIZATION:
        names = [*_VARIABLES[kind]]
        # Without a configuration, three variables are those without gamma:
        # all published networks have beta.
        if not settings.get("scale", len(data) == 4):
            names.remove("gamma")
        if not settings.get("center", True):
            names.remove("beta")
    elif kind:
        names = _VARIABLES[kind]
    else:
        matrix = data and len(data[0].shape) > 1
        names = ("kernel", "bias") if matrix else ()
    if len(data) > len(names):
        names = [str(number) for number in range(len(data))]
    return dict(zip(names, data))


def _array(name, data, budget):
    array = hdf5.array(data, budget)
    if array.dtype.itemsize == 2 and data.attrs.get("dtype") == "bfloat16":
        # NumPy has no bfloat16, which is the upper half of a float32.
        bits = array.view("uint16").astype("uint32") << 16
        return bits.view("float32")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name!r} holds {array.dtype}, not numbers")
    return array
