import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from keras_vidrec.weights.published.readers import keras_file

EXPECTED = "Expected a whole weights file of Keras"


def small():
    """Layers of many kinds, a nested model, and a layer inside a layer."""
    images = x = keras.Input((8, 8, 3), name="images")
    x = layers.Conv2D(4, 3, name="conv")(x)
    x = layers.BatchNormalization(name="all")(x)
    x = layers.BatchNormalization(scale=False, name="no_scale")(x)
    tower = keras.Model(images, x, name="rgb")
    clips = keras.Input((8, 8, 3), name="clips")
    x = layers.Conv2D(3, 1, use_bias=False, name="before")(clips)
    x = layers.Reshape((6, 24))(tower(x))
    x = layers.LSTM(5, name="memory")(x)
    x = layers.Dropout(0.5)(x)
    model = keras.Model(clips, layers.Dense(2, name="logits")(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.weights])
    return model


def shown(model):
    """What the reader should tell of `small()`."""
    tensors = {
        f"{prefix}{layer.name}/{weight.name}": np.array(weight)
        for prefix, part in (("", model), ("rgb/", model.get_layer("rgb")))
        for layer in part.layers
        if layer.name in ("before", "logits") or prefix
        for weight in layer.weights
    }
    names = ("kernel", "recurrent_kernel", "bias")
    memory = model.get_layer("memory").get_weights()
    return tensors, dict(zip(names, memory))


def recognized(path):
    return keras_file.recognizes(str(path), path.read_bytes()[:4096])


@pytest.fixture(scope="module")
def trained():
    """`small()` and an optimizer with state, none of which belongs to a
    layer."""
    model = small()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_tensors_have_the_names_of_the_model(tmp_path, name, trained):
    model = trained
    path = tmp_path / name
    save = model.save_weights if "weights" in name else model.save
    save(path)
    checkpoint = keras_file.read(str(path))

    tensors, memory = shown(model)
    # Keras' older files do not say that the cell is a layer of its own.
    cell = "memory" if name == "m.h5" else "memory/lstm_cell"
    expected = tensors | {f"{cell}/{key}": memory[key] for key in memory}
    found = {
        key: array
        for key, array in checkpoint.tensors.items()
        if not key.endswith("seed_generator_state")
    }
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array, err_msg=key)
    facts = checkpoint.facts
    assert facts["layers"]["rgb/conv/kernel"] == "rgb/conv"
    assert facts["layers"][f"{cell}/bias"] == "memory"
    assert facts["layout"] == ("legacy" if name == "m.h5" else "keras3")
    assert (facts["config"] is None) == (name != "m.keras")
    assert checkpoint.format == "keras" and checkpoint.path == str(path)
    assert recognized(path)


def test_names_of_the_first_keras_and_of_tensorflow(tmp_path):
    """As in the published files of VGG-16 and of ResNet-50."""
    rng = np.random.default_rng(0)
    weights = {
        "block1_conv1": ("block1_conv1_W_1:0", "block1_conv1_b_1:0"),
        "block1_pool": (),
        "conv1_bn": ("conv1_bn/gamma:0", "conv1_bn/moving_variance:0"),
        # TensorFlow 1 numbers what a session has twice.
        "fc1": ("fc1_1/kernel:0", "fc1_1/bias_2:0"),
    }
    arrays = {
        name: rng.normal(size=3) for row in weights.values() for name in row
    }
    with h5py.File(tmp_path / "vgg.h5", "w") as file:
        # A long list is spread over several attributes.
        file.attrs["layer_names0"] = [b"block1_conv1", b"block1_pool"]
        file.attrs["layer_names1"] = [b"conv1_bn", b"fc1"]
        for layer, names in weights.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name in names:
                group[name] = arrays[name]
    checkpoint = keras_file.read(tmp_path / "vgg.h5")
    assert list(checkpoint.tensors) == [
        "block1_conv1/kernel",
        "block1_conv1/bias",
        "conv1_bn/gamma",
        "conv1_bn/moving_variance",
        "fc1/kernel",
        "fc1/bias",
    ]
    for found, array in zip(checkpoint.tensors.values(), arrays.values()):
        np.testing.assert_array_equal(found, array)


def test_bfloat16(tmp_path):
    inputs = keras.Input((4,))
    layer = layers.Dense(3, dtype="bfloat16", name="half")
    model = keras.Model(inputs, layer(inputs))
    model.save_weights(tmp_path / "half.weights.h5")
    found = keras_file.read(tmp_path / "half.weights.h5").tensors["half/kernel"]
    assert found.dtype == "float32"
    kernel = keras.ops.cast(layer.kernel, "float32")
    np.testing.assert_array_equal(found, kernel)


def without_names(content):
    """The weights file as Keras wrote it before layers said their names."""
    with h5py.File(io.BytesIO(content)) as old:
        written = io.BytesIO()
        with h5py.File(written, "w") as new:

            def keep(name, item):
                if isinstance(item, h5py.Dataset):
                    new[name] = item[()]

            old.visititems(keep)
    return written.getvalue()


def test_names_come_from_the_configuration_of_older_files(tmp_path):
    inputs = x = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="first")(x)
    x = layers.BatchNormalization(center=False, name="no_beta")(x)
    inner = keras.Model(
        inputs, layers.Conv2D(4, 3, name="second")(x), name="in"
    )
    inputs = x = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, name="last")(layers.Conv2D(3, 1, name="a")(x))
    model = keras.Model(inputs, inner(x))
    path = tmp_path / "m.keras"
    model.save(path)
    expected = keras_file.read(path).tensors
    assert {"a/kernel", "last/bias", "in/first/kernel"} <= expected.keys()
    assert {"in/no_beta/gamma", "in/no_beta/moving_mean"} <= expected.keys()
    assert "in/no_beta/beta" not in expected

    with zipfile.ZipFile(path) as archive:
        weights = without_names(archive.read("model.weights.h5"))
        config = archive.read("config.json")
    (tmp_path / "m.weights.h5").write_bytes(weights)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", weights)
    found = keras_file.read(path).tensors
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    # The weights alone do not tell which layer is which.
    with pytest.raises(
        ValueError, match="has no name, so it cannot be identified"
    ):
        keras_file.read(tmp_path / "m.weights.h5")


def legacy(file, data=None):
    """A legacy file of one layer; `data` makes its kernel."""
    file.attrs["layer_names"] = [b"conv"]
    group = file.create_group("conv")
    group.attrs["weight_names"] = [b"kernel:0"]
    if data is None:
        group["kernel:0"] = np.ones((2, 2), "float32")
    else:
        data(group)


def _link(link):
    return lambda group: group.__setitem__("kernel:0", link)


def _external_data(group):
    group.create_dataset(
        "kernel:0", (4,), "u1", external=[("/etc/hostname", 0, 4)]
    )


def _virtual(group):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (4,))
    group.create_virtual_dataset("kernel:0", layout)


def _endless(group):
    group.create_dataset("kernel:0", (2**20, 2**20), "f4", chunks=(1, 2**10))


def _large_chunk(group):
    # One number, unpacked with all of its chunk.
    group.create_dataset(
        "kernel:0", (1, 1), "f4", chunks=(2**15, 2**14), maxshape=(None, None)
    )


def _plug_in(group):
    group.create_dataset("kernel:0", data=np.ones(64), compression="lzf")


def _text(group):
    group["kernel:0"] = "import os"


def _group(group):
    group.create_group("kernel:0")


HOSTILE = {
    "soft link": (_link(h5py.SoftLink("/conv")), "a link to elsewhere"),
    "external link": (
        _link(h5py.ExternalLink("/etc/passwd", "/")),
        "a link to elsewhere",
    ),
    "external data": (_external_data, "lies in other files"),
    "virtual data": (_virtual, "lies in other files"),
    "endless": (_endless, "Expected at most"),
    "large chunk": (_large_chunk, "Expected at most"),
    "plug-in": (_plug_in, "compressed in unusual ways"),
    "text": (_text, "not numbers"),
    "group": (_group, "is not an array"),
    "nothing": (lambda group: None, "there is no 'kernel:0' in it"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files(tmp_path, case):
    path = tmp_path / "hostile.h5"
    make, reason = HOSTILE[case]
    with h5py.File(path, "w") as file:
        legacy(file, make)
    with pytest.raises(ValueError, match=f"{EXPECTED}.*hostile.h5: .*{reason}"):
        keras_file.read(path)


def test_groups_in_a_circle(tmp_path):
    path = tmp_path / "circle.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/conv2d")
        group.create_group("vars").attrs["name"] = "conv"
        group["again"] = file["layers"]
    with pytest.raises(ValueError, match="occurs twice"):
        keras_file.read(path)


def test_hdf5_of_others_and_other_files(tmp_path):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["features"] = np.ones(3)
    with pytest.raises(ValueError, match=f"{EXPECTED}.*no layer_names in '/'"):
        keras_file.read(path)
    path.write_text("<html>404</html>")
    with pytest.raises(ValueError, match=f"{EXPECTED}.*data.h5"):
        keras_file.read(path)
    assert not recognized(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=EXPECTED):
        keras_file.read(path)
    with pytest.raises(ValueError, match=EXPECTED):
        keras_file.read(tmp_path / "missing.h5")


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("config.json", "config.json announces 134217728 bytes"),
        ("model.weights.h5", "Expected at most"),
    ],
)
def test_archives_that_unfold_without_end(tmp_path, member, message):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("config.json", "model.weights.h5"):
            archive.writestr(name, bytes(2**27) if name == member else b"{}")
    assert path.stat().st_size < 2**18
    with pytest.raises(ValueError, match=f"{EXPECTED}.*{message}"):
        keras_file.read(path)


def test_archives_that_are_no_models(tmp_path):
    path = tmp_path / "other.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"")
    assert not recognized(path)
    with pytest.raises(ValueError, match=f"{EXPECTED}.*'config.json'"):
        keras_file.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", b"[" * 100_000)
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(ValueError, match=EXPECTED):
        keras_file.read(path)


@pytest.mark.parametrize(
    "config",
    [
        [1],
        {"config": "x"},
        {"config": {"layers": 3}},
        {"config": {"layers": [{"class_name": "Conv2D", "config": 3}]}},
        {"config": {"layers": [{"class_name": 3, "config": {}}]}},
    ],
)
def test_configurations_that_are_none(tmp_path, config):
    path = tmp_path / "m.keras"
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Conv2D(4, 3, name="conv")(inputs))
    model.save_weights(tmp_path / "m.weights.h5")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.write(tmp_path / "m.weights.h5", "model.weights.h5")
    with pytest.raises(ValueError, match=f"{EXPECTED}.*m.keras"):
        keras_file.read(path)


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_files_that_are_cut_off(tmp_path, name):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Conv2D(64, 3, name="conv")(inputs))
    whole, path = tmp_path / name, tmp_path / f"cut.{name}"
    save = model.save_weights if "weights" in name else model.save
    save(whole)
    content = whole.read_bytes()
    for tenth in (0, 1, 5, 9):
        path.write_bytes(content[: len(content) * tenth // 10])
        with pytest.raises(ValueError, match=EXPECTED):
            keras_file.read(path)
