import itertools
import logging
import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.specs import ClipSpec
from keras_vidrec.weights.towers import layers_by_path
from tests.applications import joined_streams
from tests.applications.joined_streams import CLASSES
from tests.applications.joined_streams import call
from tests.applications.joined_streams import clips
from tests.applications.joined_streams import softmax
from tests.applications.joined_streams import wake
from tests.applications.joined_streams import without_values
from tests.applications.multiplier_graphs import CHANGED
from tests.applications.multiplier_graphs import OTHER
from tests.applications.multiplier_graphs import STREAMS
from tests.applications.multiplier_graphs import VARIANTS
from tests.applications.multiplier_graphs import small


def parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_variables)


def test_parameters():
    """Two towers, a classifier each, and filters of 3 C C + C weights."""
    for backbone, tower, stem, stages in (
        ("tiny", 345_248, 32, (64, 128, 192, 256)),
        ("resnet50", 23_508_032, 64, (256, 512, 1024, 2048)),
    ):
        # One channel more in the 7x7 convolution of flow.
        both = 2 * tower + 49 * stem
        heads = 2 * (stages[-1] * CLASSES + CLASSES)
        for filters, channels in (
            ("residual_all", [c // 4 for c in stages]),
            (None, []),
            ("skip", stages),
            ("residual_last", [stages[-1] // 4]),
        )[: None if backbone == "tiny" else 1]:
            model = without_values(
                small, backbone=backbone, temporal_filters=filters
            )
            more = 2 * sum(3 * c * c + c for c in channels)
            assert parameters(model) == both + heads + more, filters


def over_time(x, layer):
    """A filter over time of `(batch, time, ..., channels)` in NumPy."""
    kernel, bias = layer.get_weights()
    rest = [(0, 0)] * (x.ndim - 2)
    padded = np.pad(x, [(0, 0), (1, 1), *rest])
    times = x.shape[1]
    return bias + sum(
        padded[:, tap : tap + times] @ kernel[tap] for tap in range(3)
    )


def check_values(pixels, connection, interaction, direction, filters):
    """The joints in NumPy, and the plain tower between them."""
    model = wake(
        small(
            connection=connection,
            interaction=interaction,
            direction=direction,
            temporal_filters=filters,
        )
    )
    tensors = {}
    for stage, stream in itertools.product((2, 3, 4, 5), STREAMS):
        name = f"{stream}_res{stage}"
        for key, layer, read in (
            ("sum", "a", False),
            ("relu", "a_relu", True),
            ("unit", "b", True),
            ("branch2a", "b_branch2a", True),
            ("branch2b", "b_branch2b_relu", False),
            ("branch2c", "b_branch2c", True),
            ("out", "b_relu", False),
        ):
            layer = model.get_layer(f"{name}{layer}")
            tensor = layer.input if read else layer.output
            tensors[stream, stage, key] = keras.tree.flatten(tensor)[0]
    names = {f"{s} {n} {k}": x for (s, n, k), x in tensors.items()}
    maps = keras.Model(model.input, {**names, "scores": model.output})
    found = call(maps, pixels)
    times = pixels["rgb"].shape[1]

    def value(stream, stage, key):
        return found[f"{stream} {stage} {key}"]

    def unfolded(x):
        return x.reshape(-1, times, *x.shape[1:])

    for stage, stream in itertools.product((2, 3, 4, 5), STREAMS):
        total = value(stream, stage, "sum")
        motion = np.maximum(value(OTHER[stream], stage, "sum"), 0)
        joined = total * motion if interaction == "multiply" else total + motion
        changed = stream in CHANGED[direction]
        assert np.abs(joined).max() > 1e-2 and (total < 0).any()
        inner = shortcut = np.maximum(total, 0)
        if changed and connection == "residual":
            inner = joined
        elif changed:
            inner = shortcut = np.maximum(joined, 0)
        else:
            np.testing.assert_array_equal(value(stream, stage, "relu"), total)
        expected = {"branch2a": inner, "unit": shortcut}
        branch = value(stream, stage, "branch2b")
        if filters == "residual_all":
            layer = model.get_layer(f"{stream}_res{stage}b_temporal")
            filtered = over_time(unfolded(branch), layer)
            expected["branch2c"] = filtered.reshape(branch.shape)
        else:
            expected["branch2c"] = branch
        for key, x in expected.items():
            np.testing.assert_allclose(
                value(stream, stage, key), x, rtol=1e-4, atol=1e-4, err_msg=key
            )
    logits = []
    for stream in STREAMS:
        x = unfolded(value(stream, 5, "out"))
        if filters == "skip":
            x = over_time(x, model.get_layer(f"{stream}_relu5_temporal"))
        windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
        kernel, bias = model.get_layer(f"{stream}_logits").get_weights()
        features = windows.max(-1).mean((2, 3))
        logits.append((features @ kernel + bias).mean(1))
    expected = softmax(sum(logits) / 2)
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(found["scores"], expected, atol=1e-4)


@pytest.mark.large_on_jax
@pytest.mark.parametrize(
    "connection, interaction, direction, filters",
    [
        ("residual", "multiply", "motion_to_appearance", "residual_all"),
        *(
            pytest.param(*case, marks=pytest.mark.large)
            for case in (
                ("direct", "add", "both", "skip"),
                ("residual", "add", "motion_to_appearance", "residual_all"),
                ("residual", "multiply", "appearance_to_motion", "skip"),
                ("residual", "multiply", "both", None),
                ("residual", "add", "appearance_to_motion", None),
                ("direct", "multiply", "motion_to_appearance", None),
                ("direct", "add", "appearance_to_motion", "residual_all"),
            )
        ),
    ],
)
def test_values_at_the_joints(connection, interaction, direction, filters):
    check_values(clips(2, 4), connection, interaction, direction, filters)


def is_bias_before_normalization(path):
    """A shift of what a 1x1 convolution reads, of which batch normalization
    takes the mean away: in training, it has no gradient."""
    return path.endswith("_temporal/bias") and "relu5" not in path


def check_gradients(model):
    found = joined_streams.gradients(model, clips(4))
    for path, largest in found.items():
        assert np.isfinite(largest), path
        assert largest > 1e-6 or is_bias_before_normalization(path), path
    return found


@pytest.mark.large_on_jax
def test_gradients_reach_every_weight():
    """Through the gates, which also train the motion stream."""
    model = wake(
        small(auxiliary_outputs=True, classifier_activation=None), seed=1
    )
    check_gradients(model)
    alone = keras.Model(model.input, model.output["rgb"])
    found = joined_streams.gradients(alone, clips(4))
    for path, largest in found.items():
        if path.startswith("flow_res5a"):
            assert largest > 1e-6, path


@pytest.mark.large
@pytest.mark.parametrize("arguments", VARIANTS)
def test_every_variant_trains_and_is_saved(tmp_path, arguments):
    model = wake(small(classifier_activation=None, **arguments), seed=1)
    check_gradients(model)
    pixels = clips()
    scores = call(model, pixels)
    assert scores.shape == (2, CLASSES) and np.isfinite(scores).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        call(loaded, pixels), scores, rtol=1e-5, atol=1e-5
    )


@pytest.mark.large_on_jax
def test_saved_and_loaded(tmp_path):
    model = wake(
        small(
            temporal_filters="skip",
            fusion_weights={"flow": 3, "rgb": 1},
            auxiliary_outputs=True,
        )
    )
    spec = keras_vidrec.describe(model).clip_spec
    assert spec == ClipSpec(
        modalities=("rgb", "flow"),
        num_segments=3,
        snippet_length=2,
        alignment="centered",
        stride=(5, 35),
        sampling="chunks",
        ordered=True,
    )
    pixels = clips()
    expected = call(model, pixels)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert keras_vidrec.describe(loaded).clip_spec == spec
    for key, scores in call(loaded, pixels).items():
        np.testing.assert_allclose(scores, expected[key], atol=1e-6)
    logits = call(clip_logits_model(loaded), pixels)
    assert list(expected) == ["predictions", "rgb", "flow"]
    np.testing.assert_allclose(
        logits["predictions"],
        (logits["rgb"] + 3 * logits["flow"]) / 4,
        atol=1e-6,
    )
    for key, scores in expected.items():
        np.testing.assert_allclose(scores, softmax(logits[key]), atol=1e-6)


@pytest.mark.large_on_jax
def test_whole_clips_and_frames_in_one_pass():
    """A network built for any size sees 25 chunks at once: 21 maxima of 5, at
    each position of a window of 2 x 2 places, whose scores are averaged."""
    model = wake(small(num_segments=5, spatial_pooling=2))
    maps = small(num_segments=5, include_top=False, temporal_pooling=None)
    joined_streams.copy(model, maps)
    for num_segments, times, size, side in (
        (3, 1, 80, 5),
        (5, 1, 32, 2),
        (25, 21, 32, 2),
    ):
        pixels = clips(1, num_segments, size)
        logits = []
        for stream, x in call(maps, pixels).items():
            assert x.shape == (1, num_segments, side, side, 256)
            maxima = np.stack(
                [x[:, t : t + 5].max(1) for t in range(times)], axis=1
            )
            windows = np.lib.stride_tricks.sliding_window_view(
                maxima, (2, 2), axis=(2, 3)
            )
            kernel, bias = model.get_layer(f"{stream}_logits").get_weights()
            scores = windows.mean((-2, -1)) @ kernel + bias
            logits.append(scores.mean((1, 2, 3)))
        np.testing.assert_allclose(
            call(model, pixels), softmax(sum(logits) / 2), rtol=1e-4, atol=1e-5
        )


def one_stream(stream):
    length = {"rgb": 1, "flow": 2}[stream]
    model = TSN(
        backbone="tiny",
        classes=CLASSES,
        modality=stream,
        snippet_length=length,
    )
    return wake(model, seed=length)


def test_from_two_streams(caplog):
    """Without connections it is their late fusion: filters over time begin as
    identities. With them, every weight is theirs all the same."""
    streams = {stream: one_stream(stream) for stream in STREAMS}
    pixels = clips()
    expected = call(LateFusion(streams), pixels)
    assert np.ptp(expected) > 0.05
    model = small(
        connection=None,
        temporal_pooling=None,
        from_streams=tuple(streams.values()),
    )
    np.testing.assert_allclose(call(model, pixels), expected, atol=1e-5)
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "missing: flow_res2b_temporal" in record.message
    assert "unused" not in record.message
    trained = {
        f"{stream}_{path.rpartition('/')[2]}": layer.get_weights()
        for stream, network in streams.items()
        for path, layer in layers_by_path(network).items()
    }
    for path, layer in layers_by_path(model).items():
        if not path.endswith("_temporal"):
            for one, two in zip(layer.get_weights(), trained.pop(path)):
                np.testing.assert_array_equal(one, two, err_msg=path)
    assert not trained
    # So it is with convolutions that span time, from the middle tap alone.
    arguments = {
        "connection": None,
        "temporal_pooling": None,
        "temporal_filters": "widened",
        "from_streams": tuple(streams.values()),
    }
    widened = small(**arguments)
    np.testing.assert_allclose(call(widened, pixels), expected, atol=1e-5)
    assert "flow_res3b_branch2c (1 to 3 steps of time: center)" in caplog.text
    # The authors' taps are a third each.
    thirds = small(**arguments, temporal_initialization="avg")
    name = "rgb_res5b_branch2a"
    (kernel,) = model.get_layer(name).get_weights()
    (found,) = thirds.get_layer(name).get_weights()
    np.testing.assert_allclose(found, np.repeat(kernel[0], 3, 0) / 3, rtol=1e-6)
    # A first convolution left to chance would ruin the training.
    with pytest.raises(ValueError, match=r"not fit: flow_conv1 .*1 layers"):
        small(snippet_length=3, from_streams=tuple(streams.values()))


def test_from_streams_of_the_wrong_kind():
    rgb, flow = (
        without_values(
            TSN,
            backbone="tiny",
            modality=stream,
            snippet_length=length,
            classes=CLASSES,
        )
        for stream, length in (("rgb", 1), ("flow", 2))
    )
    for wrong, message in (
        (rgb, "pair .*from_streams=<"),
        ((rgb, None), "pair .*from_streams="),
        ((flow, rgb), "one tower, of rgb"),
    ):
        with pytest.raises(ValueError, match=message):
            without_values(small, from_streams=wrong)


@pytest.mark.tensorflow_only
@pytest.mark.large
def test_two_devices_train_like_one():
    import tensorflow as tf

    from keras_vidrec.training import freezing
    from keras_vidrec.training.devices import distribution
    from keras_vidrec.training.recipes.sections import Optimizer

    pixels, labels = clips(4), np.array([0, 1, 2, 0])
    found = []
    for chosen in ("none", "mirrored"):
        keras.utils.set_random_seed(0)
        devices = distribution.choose(chosen)
        with devices.scope():
            model = clip_logits_model(wake(small(auxiliary_outputs=True)))
            # Each one that is shared lengthens tracing by seconds.
            assert freezing.partial_batch_norm(model) > 40
            devices.prepare(model, Optimizer(batch_size=4))
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(
                keras.optimizers.SGD(1e-6),  # gradients of gates are large
                {"predictions": None, "rgb": loss, "flow": loss},
            )
        start = {w.path: ops.convert_to_numpy(w) for w in model.weights}
        targets = {"rgb": labels, "flow": labels}
        data = tf.data.Dataset.from_tensor_slices((pixels, targets)).batch(4)
        model.fit(data, verbose=0, shuffle=False)
        found.append({w.path: ops.convert_to_numpy(w) for w in model.weights})
    one, two = found
    for path in one:
        # Synchronized statistics are E[x x] - E[x] E[x]: less exact.
        np.testing.assert_allclose(one[path], two[path], 1e-3, 1e-4, path)
    moved = {path: np.abs(one[path] - start[path]).max() for path in one}
    assert max(moved.values()) > 1e-3
    assert moved["flow_res3b_temporal/kernel"] > 0


@pytest.mark.tensorflow_only
@pytest.mark.large
def test_exported(tmp_path):
    import tensorflow as tf

    from keras_vidrec.export import export_saved_model

    model = wake(small(auxiliary_outputs=True))
    layer = model.get_layer("predictions")
    layer.class_names = ("jump", "run", "walk")
    layer.clip_spec = layer.clip_spec.replace(size=32)
    export_saved_model(model, tmp_path / "model")
    serve = tf.saved_model.load(tmp_path / "model").signatures[
        "serving_default"
    ]
    for num_segments, size in ((3, 32), (5, 48)):
        pixels = clips(1, num_segments, size)
        served = serve(**{s: tf.constant(x) for s, x in pixels.items()})
        np.testing.assert_allclose(
            served["probabilities"],
            call(model, pixels)["predictions"],
            atol=1e-5,
        )


INVALID = [
    ({"connection": "skip"}, "connection='skip'"),
    ({"interaction": "concat"}, "interaction='concat'"),
    ({"direction": "bidirectional"}, "direction='bidirectional'"),
    ({"temporal_filters": "all"}, "temporal_filters='all'"),
    ({"temporal_initialization": "average"}, "initialization='average'"),
    ({"temporal_pooling": "3d"}, "temporal_pooling='3d'"),
    ({"temporal_pooling": "avg"}, "the same logits.*temporal_pooling='avg'"),
    ({"temporal_pooling": True}, "temporal_pooling=True"),
    ({"backbone": "vgg16"}, "for rgb.*residual units.*backbone='vgg16'"),
    (
        {"backbone": {"rgb": "resnet50", "flow": "googlenet"}},
        "for flow, because.*Received: backbone='googlenet'",
    ),
    ({"backbone": keras.Sequential()}, "a keras.Model do not have.*Sequential"),
    ({"backbone": {"rgb": "tiny"}}, "a dict of .*'rgb', 'flow'"),
    ({"backbone": None}, "backbone=None"),
    ({"backbone": "resnet18"}, "Received: backbone='resnet18'"),
    (
        {"backbone": {"rgb": "tiny", "flow": "resnet50"}},
        "maps of the same size",
    ),
    ({"fusion_weights": {"rgb": 1}}, r"fusion_weights=\{'rgb': 1\}"),
    ({"fusion_weights": {"rgb": 1, "flow": 0}}, r"fusion_weights=\(1, 0\)"),
    ({"scores": "softmax"}, "scores='softmax'"),
    ({"num_segments": 0}, "num_segments=0"),
    ({"spatial_pooling": 0}, "spatial_pooling=0"),
    ({"snippet_length": 0}, "snippet_length=0"),
    ({"classes": 0}, "classes=0"),
    ({"dropout": 1.0}, "dropout=1.0"),
    ({"dropout": {"flow": 0.5}}, r"one for each of \('rgb', 'flow'\)"),
    ({"dropout": {"rgb": 0.0, "flow": 1}}, "dropout=.*'flow': 1"),
    ({"pooling": "mean"}, "pooling='mean'"),
    ({"weights": "nonsense"}, "weights='nonsense'"),
    ({"classifier_activation": "relu"}, "classifier_activation='relu'"),
    ({"input_shape": (5, 32, 32, 3)}, r"input_shape=\(5, 32"),
    (
        {"input_shape": {"rgb": (5, 32, 32, 3), "flow": (5, 32, 32, 5)}},
        "channels=4",
    ),
    (
        {"input_shape": {"rgb": (5, 32, 32, 3), "flow": (3, 32, 32, 4)}},
        r"'rgb': \(5, 32, 32\), 'flow': \(3",
    ),
    (
        {"input_shape": {"rgb": (5, 32, 32, 3), "flow": (5, 64, 64, 4)}},
        "the same number of segments, height and width",
    ),
    ({"input_tensor": 3}, "input_tensor=3"),
]


@pytest.mark.parametrize(
    "dropout, rates",
    [(None, (0, 0.8)), (0.5, (0.5, 0.5)), ({"rgb": 0.1, "flow": 0}, (0.1, 0))],
)
def test_each_stream_has_its_dropout(dropout, rates):
    """By default that of flow alone, as section 4.1 states."""
    model = without_values(small, dropout=dropout)
    layers = (model.get_layer(f"{s}_dropout") for s in ("rgb", "flow"))
    assert tuple(layer.rate for layer in layers) == rates


def test_invalid_arguments():
    for arguments, message in INVALID:
        with pytest.raises(ValueError, match=message):
            without_values(small, **arguments)
