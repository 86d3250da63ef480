import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.training import network
from keras_vidrec.training import recipe_network
from keras_vidrec.training.freezing import batch_normalizations
from keras_vidrec.training.recipes.initialization import Initialization
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.schedule import Schedule
from keras_vidrec.training.recipes.sections import Network
from tests.applications.joined_streams import call

RECIPE = Recipe(
    name="small",
    clip={"size": 64, "num_segments": 5, "sampling": "uniform"},
    network=Network(
        arguments={"backbone": "tiny", "modality": "flow"}, head_dropout=0.1
    ),
    schedule=Schedule(epochs=1),
)


def test_a_network_of_the_recipe_for_these_classes():
    model = network.build(RECIPE, ("jump", "run", "walk"))
    description = keras_vidrec.describe(model)
    assert description.class_names == ("jump", "run", "walk")
    assert model.output_shape == (None, 3)
    assert model.get_layer("dropout").rate == 0.1
    # What the recipe says of the clips, and what the builder said of the rest.
    spec = description.clip_spec
    assert (spec.size, spec.num_segments, spec.sampling) == (64, 5, "uniform")
    assert (spec.modalities, spec.snippet_length) == (("flow",), 5)
    assert all(layer.trainable for layer in batch_normalizations(model))
    momenta = {layer.momentum for layer in batch_normalizations(model)}
    assert momenta == {0.9}
    kept = network.build(
        RECIPE.with_settings(["network.batch_norm_momentum=0.95"]), ("a", "b")
    )
    again = keras.Model.from_config(kept.get_config())
    for layers in map(batch_normalizations, (kept, again)):
        assert {layer.momentum for layer in layers} == {0.95}


@pytest.fixture(scope="module")
def colors(tmp_path_factory):
    """A trained network of rgb, and its file."""
    path = tmp_path_factory.mktemp("colors") / "rgb.keras"
    rgb = keras_vidrec.applications.TSN(
        backbone="tiny", classes=2, num_segments=5, consensus="weighted"
    )
    rgb.save(path)
    return rgb, str(path)


def test_frozen_statistics_are_those_of_trained_weights(colors):
    """Random weights have none, and there are two ways out of it."""
    partial = RECIPE.with_settings(["initialization.partial_batch_norm=true"])
    with pytest.raises(
        ValueError,
        match=r"`initialization.weights=RUN`.*vidrec import-weights.*"
        r"docs/weights.md.*`initialization.partial_batch_norm=false`. "
        r"Received: .*partial_batch_norm=True",
    ):
        network.build(partial, ("a", "b"))
    rgb, path = colors
    trained = partial.with_settings(
        [
            f"initialization.weights={path}",
            "network.arguments.consensus=weighted",
        ]
    )
    model = network.build(trained, ("a", "b"))
    first, *others = batch_normalizations(model)
    assert first.trainable and not any(layer.trainable for layer in others)
    # One weight for each of the recipe's segments.
    assert model.input_shape[1] == 5
    assert model.get_layer("consensus").weights[0].shape == (5,)
    # A head of as many classes, of colors, is not that of motion.
    head = rgb.get_layer("logits").get_weights()[0]
    assert not np.array_equal(model.get_layer("logits").get_weights()[0], head)
    copied = network.build(
        trained.with_settings(["initialization.copy_head=true"]), ("a", "b")
    )
    np.testing.assert_array_equal(
        copied.get_layer("logits").get_weights()[0], head
    )


@pytest.mark.parametrize(
    "setting, message",
    [
        ("clip.size=0", "size=0"),
        ("clip.modalities=[depth]", "modalities="),
        ("network.application=head", "network.application='head'"),
        ("network.application=LateFusion", "application='LateFusion'"),
        ("network.arguments.num_clases=3", "arguments.num_clases"),
        ("network.head_dropout=1", "network.head_dropout=1"),
        ("network.head_dropout={rgb: 2}", r"network.head_dropout=\{'rgb': 2"),
        ("network.head_dropout={rgb: 0.5}", r"network.head_dropout=\{'rgb': 0"),
        ("network.arguments.dropout=0.5", "Expected network.head_dr.*0.5"),
        ("network.arguments.modality=depth", "arguments.modality='depth'"),
        (
            "initialization.frozen=[flow]",
            r"without initialization.weights.*=RUN.*frozen=\('flow',\)",
        ),
    ],
)
def test_what_does_not_fit(setting, message):
    with pytest.raises(ValueError, match=message):
        network.build(RECIPE.with_settings([setting]), ("a", "b"))


@pytest.mark.parametrize(
    "settings, modalities",
    [
        ([], ("flow",)),
        (["network.arguments={}"], ("rgb",)),
        (
            ["network.application=TwoStreamFusion", "network.arguments={}"],
            ("rgb", "flow"),
        ),
        (
            [
                "network.application=SpatiotemporalMultiplier",
                "network.arguments={}",
            ],
            ("rgb", "flow"),
        ),
        (
            ["network.application=STResNet", "network.arguments={}"],
            ("rgb", "flow"),
        ),
        (
            ["network.application=TwoStreamConvNet", "network.arguments={}"],
            ("rgb", "flow"),
        ),
        (
            ["network.application=STFN", "network.arguments={}"],
            ("rgb", "flow"),
        ),
        (
            [
                "network.application=TSLSTM",
                "network.arguments={streams: [flow]}",
            ],
            ("flow",),
        ),
    ],
)
def test_what_a_network_will_see(settings, modalities):
    assert recipe_network.streams(RECIPE.with_settings(settings)) == modalities


@pytest.mark.parametrize(
    "application, arguments, expected",
    [
        ("TSN", "{}", False),
        ("TwoStreamFusion", "{}", False),
        ("TemporalInception", "{}", True),
        ("STFN", "{backbone: tiny}", False),
        ("STFN", "{streams: [flow], backbone: {flow: null}}", True),
    ],
)
def test_whether_a_network_sees_features(application, arguments, expected):
    recipe = RECIPE.with_settings(
        [
            f"network.application={application}",
            f"network.arguments={arguments}",
        ]
    )
    assert recipe_network.sees_features(recipe) is expected


JOINED = Recipe(
    name="joined",
    network=Network("STFN", {"features": 8, "auxiliary_outputs": True}),
    schedule=Schedule(epochs=1),
)


@pytest.mark.parametrize("scores", ["logits", "probabilities"])
def test_towers_count_what_the_recipe_says(scores, tmp_path):
    recipe = JOINED.with_settings(
        [
            "fusion.weights={flow: 3, rgb: 1}",
            f"fusion.scores={scores}",
        ]
    )
    network.build(recipe, ("jump", "run")).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    inputs = {
        stream: np.random.default_rng(0).normal(0, 99, (4, 7, 8))
        for stream in ("rgb", "flow")
    }
    if scores == "logits":
        model = clip_logits_model(model)
    found = call(model, inputs)
    assert np.abs(found["rgb"] - found["flow"]).max() > 0.1
    np.testing.assert_allclose(
        found["predictions"],
        0.25 * found["rgb"] + 0.75 * found["flow"],
        rtol=1e-5,
        atol=1e-5,
    )


def test_networks_of_one_stream_are_fused_later():
    recipe = JOINED.with_settings(
        [
            "network.arguments={features: 8, streams: [rgb]}",
            "fusion.weights={rgb: 1, flow: 3}",
        ]
    )
    assert network.build(recipe, ("a", "b")).output_shape == (None, 2)


@pytest.mark.parametrize(
    "settings, message",
    [
        (["fusion.weights={rgb: 1}"], r"fusion_weights=\{'rgb': 1\}"),
        (
            [
                "network.application=TwoStreamFusion",
                "network.arguments={}",
                "fusion.weights={rgb: 1, flow: 3}",
            ],
            r"dict of \('spatiotemporal', 'temporal'\)",
        ),
        (
            [
                "network.arguments.scores=logits",
                "fusion.weights={rgb: 1, flow: 3}",
            ],
            "here or in network.arguments. Received: fusion=",
        ),
        (
            [
                "network.application=TwoStreamConvNet",
                "network.arguments={}",
                "fusion.scores=probabilities",
            ],
            "which TwoStreamConvNet fuses. Received: fusion.scores=",
        ),
    ],
)
def test_towers_that_cannot_be_fused_so(settings, message):
    with pytest.raises(ValueError, match=message):
        network.build(JOINED.with_settings(settings), ("a", "b"))


def test_a_network_starts_from_what_is_there():
    """Before it is built."""
    recipe = RECIPE.with_settings(
        ["network.arguments.classes=0", "initialization.weights={rgb: null}"]
    )
    with pytest.raises(ValueError, match="initialization.weights=None"):
        network.build(recipe, ("a", "b"))


@pytest.mark.parametrize(
    "application, arguments, expected",
    [
        ("TSN", "{}", {"rgb": "bn_inception"}),
        ("TSN", "{modality: flow, backbone: tiny}", {"flow": "tiny"}),
        ("TwoStreamFusion", "{}", {"rgb": "vgg16", "flow": "vgg16"}),
        ("TSLSTM", "{}", {}),
        (
            "STFN",
            "{backbone: {flow: vgg16}, streams: [flow]}",
            {"flow": "vgg16"},
        ),
    ],
)
def test_backbones_by_stream(application, arguments, expected):
    recipe = RECIPE.with_settings(
        [
            f"network.application={application}",
            f"network.arguments={arguments}",
        ]
    )
    assert recipe_network.backbones(recipe) == expected


def test_what_an_unknown_network_sees():
    with pytest.raises(ValueError, match="network.application='TSM'"):
        recipe_network.streams(
            RECIPE.with_settings(["network.application=TSM"])
        )


def test_frozen_towers_of_trained_networks(colors, tmp_path):
    """They stay frozen, and hold what they were given."""
    model = keras_vidrec.applications.TSN(
        backbone="tiny", modality="flow", snippet_length=10
    )
    model.save(tmp_path / "flow.keras")
    weights = {"rgb": colors[1], "flow": str(tmp_path / "flow.keras")}
    recipe = Recipe(
        name="two",
        clip={"size": 64},
        network=Network("TwoStreamFusion", {"backbone": "tiny"}),
        initialization=Initialization(weights=weights, frozen=["flow"]),
        schedule=Schedule(epochs=1),
    )
    built = network.build(recipe, ("jump", "run"))
    assert built.get_layer("rgb_tower").trainable_weights
    frozen = built.get_layer("flow_tower")
    assert frozen.weights and not frozen.trainable_weights
    assert built.get_layer("temporal_logits").trainable_weights
    for one, two in zip(
        model.get_layer("flow").get_weights(),
        frozen.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
