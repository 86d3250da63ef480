import keras
import numpy as np
import pytest

from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import inference_model
from keras_vidrec.applications.stfn import STFN
from keras_vidrec.specs import ClipSpec
from tests.applications import feature_networks
from tests.applications import joined_streams
from tests.applications.feature_networks import CLASSES
from tests.applications.feature_networks import SMALL


def small(**arguments):
    return joined_streams.wake(STFN(**{**SMALL, **arguments}))


def features(num_steps=7):
    return feature_networks.features(num_steps)


def sequence(model, inputs, layer):
    """What a layer gives, as arrays."""
    part = keras.Model(model.input, model.get_layer(layer).output)
    return joined_streams.call(part, inputs)


def block(model, layer, x):
    return joined_streams.call(model.get_layer(layer), x)


def head(model, stream, x):
    kernel, bias = model.get_layer(f"{stream}_logits").get_weights()
    return joined_streams.softmax(x.mean(axis=1) @ kernel + bias)


FUSIONS = {
    "avg": lambda appearance, motion: (appearance + motion) / 2,
    "max": np.maximum,
    "multiply": np.multiply,
}


@pytest.mark.parametrize(
    "fusion, direction",
    [
        ("avg", "both"),
        ("max", "both"),
        ("multiply", "both"),
        ("avg", "appearance_to_motion"),
        ("multiply", "motion_to_appearance"),
    ],
)
def test_follows_figures_4a_and_5(fusion, direction):
    model = small(fusion=fusion, direction=direction)
    inputs = features()
    first = {s: block(model, f"{s}_res_inc_1", x) for s, x in inputs.items()}
    joint = FUSIONS[fusion](first["rgb"], first["flow"])
    second = {
        "rgb": first["rgb"] if direction == "appearance_to_motion" else joint,
        "flow": first["flow"] if direction == "motion_to_appearance" else joint,
    }
    scores = [
        head(model, s, block(model, f"{s}_res_inc_2", x))
        for s, x in second.items()
    ]
    expected = (scores[0] + scores[1]) / 2
    np.testing.assert_allclose(
        joined_streams.call(model, inputs), expected, atol=1e-5
    )
    logits = joined_streams.call(clip_logits_model(model), inputs)
    np.testing.assert_allclose(logits, np.log(expected), atol=1e-4)


def test_follows_figure_4b_and_4c():
    inputs = features()
    model = small(variant="b")
    joint = sum(block(model, f"{s}_res_inc_1", inputs[s]) for s in inputs) / 2
    expected = sum(head(model, stream, joint) for stream in inputs) / 2
    np.testing.assert_allclose(
        joined_streams.call(model, inputs), expected, atol=1e-5
    )
    model = small(variant="c")
    x = np.concatenate([inputs["rgb"], inputs["flow"]], axis=-1)
    x = block(model, "streams_res_inc_1", x).mean(axis=1)
    assert x.shape[-1] == 32
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(
        joined_streams.call(model, inputs),
        joined_streams.softmax(x @ kernel + bias),
        atol=1e-5,
    )


def test_experiments_before():
    """Sections 3.2, 4.3 and 4.4: more blocks, other kernels behind
    reductions, a weighted mean."""
    inputs = features()
    model = small(
        num_blocks=3,
        block_kernel_sizes=[3, 1],
        block_reduction=4,
        feature_weights={"flow": 3, "rgb": 1},
    )
    first = {s: block(model, f"{s}_res_inc_1", x) for s, x in inputs.items()}
    joint = 0.25 * first["rgb"] + 0.75 * first["flow"]
    scores = [
        head(
            model,
            s,
            block(
                model, f"{s}_res_inc_3", block(model, f"{s}_res_inc_2", joint)
            ),
        )
        for s in inputs
    ]
    np.testing.assert_allclose(
        joined_streams.call(model, inputs), sum(scores) / 2, atol=1e-5
    )
    with pytest.raises(ValueError, match="No such layer: rgb_res_inc_4"):
        model.get_layer("rgb_res_inc_4")
    layer = model.get_layer("flow_res_inc_3")
    assert (layer.kernel_sizes, layer.reduction) == ((3, 1), 4)


def test_options_of_the_head():
    inputs = features()
    model = small(
        scores="logits",
        fusion_weights={"rgb": 1, "flow": 4},
        temporal_pooling="max",
    )
    logits = []
    for stream in ("rgb", "flow"):
        x = sequence(model, inputs, f"{stream}_res_inc_2").max(axis=1)
        kernel, bias = model.get_layer(f"{stream}_logits").get_weights()
        logits.append(x @ kernel + bias)
    np.testing.assert_allclose(
        joined_streams.call(clip_logits_model(model), inputs),
        0.2 * logits[0] + 0.8 * logits[1],
        atol=1e-4,
    )


def test_auxiliary_outputs():
    inputs = features()
    model = small(auxiliary_outputs=True, fusion_weights={"flow": 3, "rgb": 1})
    scores = joined_streams.call(model, inputs)
    assert set(scores) == {"predictions", "rgb", "flow"}
    np.testing.assert_allclose(
        scores["predictions"],
        (scores["rgb"] + 3 * scores["flow"]) / 4,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        joined_streams.call(inference_model(model), inputs),
        scores["predictions"],
        atol=1e-6,
    )
    assert set(clip_logits_model(model).output) == set(scores)


def test_any_number_of_segments():
    model = small()
    for num_steps in (1, 3, 9):
        assert model(features(num_steps)).shape == (3, CLASSES)


def test_parameters_of_the_paper():
    """Blocks of 2048: 14,680,064 + 8,388,608 convolution weights."""
    for variant, convolutions, norms, heads in (
        ("a", 4 * (14_680_064 + 8_388_608), 4, 2),
        ("b", 2 * (14_680_064 + 8_388_608), 2, 2),
        ("c", 4 * (14_680_064 + 8_388_608), 2, 2),
    ):
        model = joined_streams.without_values(STFN, variant=variant)
        found = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        # Two normalizations of all filters a block, a scale and an offset.
        expected = convolutions + norms * 2 * 2 * 2048 + heads * 2048 * 101
        assert found == expected + (1 if variant == "c" else 2) * 101


def test_parameters_of_the_experiments_before():
    def count(**arguments):
        model = joined_streams.without_values(STFN, **arguments)
        return sum(int(np.prod(w.shape)) for w in model.trainable_weights)

    paper, norms = count(), 2 * 2 * 2048
    a_block = 2 * (14_680_064 + 8_388_608 + norms)  # of both streams
    assert count(num_blocks=3) == paper + a_block
    assert count(num_blocks=4) == paper + 2 * a_block
    # A kernel of 1 to 512 features and its normalization for each of four, and
    # 512 features instead of 2048 for 2 + 3 + 4 + 5 steps of kernels.
    reduced = 4 * (2048 * 512 + 2 * 512) - 14 * (2048 - 512) * 512
    assert count(block_reduction=512) == paper + 4 * reduced
    # Three kernels: 683, 683 and 682 filters.
    kernels = 2048 * (683 * 2 + 683 * 3 + 682 * 4) - 14_680_064
    assert count(block_kernel_sizes=[2, 3, 4]) == paper + 4 * kernels
    assert count(feature_weights="trained") == paper + 2
    assert count(feature_weights={"rgb": 48.2, "flow": 58.1}) == paper


def test_order_matters():
    inputs = features()
    backwards = feature_networks.of_steps(inputs, np.arange(7)[::-1])
    for variant in ("a", "b", "c"):
        model = small(variant=variant)
        difference = joined_streams.call(
            model, backwards
        ) - joined_streams.call(model, inputs)
        assert np.abs(difference).max() > 1e-3


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"direction": "appearance_to_motion"},
        {"variant": "c"},
        {"feature_weights": "trained", "num_blocks": 3, "block_reduction": 4},
    ],
)
def test_gradients_reach_every_weight(arguments):
    found = joined_streams.gradients(small(**arguments), features())
    assert all(found.values()), found


def test_without_top():
    inputs = features()
    model = small(include_top=False)
    whole = joined_streams.call(model, inputs)
    assert {s: x.shape for s, x in whole.items()} == dict.fromkeys(
        inputs, (3, 7, 16)
    )
    pooled = small(include_top=False, pooling="avg")
    pooled.set_weights(model.get_weights())
    for stream, x in joined_streams.call(pooled, inputs).items():
        np.testing.assert_allclose(x, whole[stream].mean(axis=1), atol=1e-5)
    joint = small(include_top=False, variant="c")
    assert joint(inputs).shape == (3, 7, 32)


def test_one_stream():
    model = small(streams=("flow",))
    assert model.input.name == "flow"
    assert model(features()["flow"]).shape == (3, CLASSES)


def test_description():
    spec = STFN(**SMALL).get_layer("predictions").clip_spec
    assert spec == ClipSpec(
        modalities=("rgb", "flow"),
        num_segments=7,
        snippet_length=10,
        alignment="centered",
        sampling="uniform",
        ordered=True,
    )


ERRORS = [
    ({"variant": "d"}, "Invalid `variant`"),
    ({"fusion": "sum"}, "Invalid `fusion`"),
    ({"direction": "none"}, "Invalid `direction`"),
    ({"scores": "softmax"}, "Invalid `scores`"),
    ({"temporal_pooling": None}, "Invalid `temporal_pooling`"),
    ({"variant": "c", "fusion": "max"}, "Only variants a and b"),
    (
        {"streams": ("rgb",), "direction": "appearance_to_motion"},
        "Only variants a and b",
    ),
    ({"variant": "c", "auxiliary_outputs": True}, "single classifier"),
    ({"variant": "c", "streams": ("rgb",)}, "concatenates two streams"),
    ({"features": 3}, "at least 4 features"),
    ({"num_blocks": 1}, "`num_blocks`. Expected an integer of at least 2"),
    ({"num_blocks": 3, "variant": "b"}, "`num_blocks`.*only variant a"),
    ({"block_kernel_sizes": [3, 3]}, "Invalid `block_kernel_sizes`"),
    ({"block_reduction": 0}, "Invalid `block_reduction`"),
    ({"feature_weights": {"rgb": 1}}, "`feature_weights`.*dict of"),
    (
        {"feature_weights": "trained", "fusion": "max"},
        "`feature_weights`.*'max' is not a mean",
    ),
    ({"feature_weights": "trained", "variant": "c"}, "nothing is fused"),
    (
        {"input_shape": {"rgb": (7, 16), "flow": (7, 8)}},
        "same number of features",
    ),
]


def test_errors():
    for arguments, message in ERRORS:
        with pytest.raises(ValueError, match=message):
            STFN(**{**SMALL, **arguments})
