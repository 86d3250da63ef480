import pytest

import keras_vidrec
from keras_vidrec.training import network
from keras_vidrec.training import recipes
from keras_vidrec.training.recipe import Recipe


def test_by_name_and_by_file(tmp_path):
    tsn = recipes.get("tsn")
    path = tmp_path / "mine.yaml"
    path.write_text(tsn.to_yaml())
    assert recipes.get(str(path)) == tsn
    assert isinstance(tsn, Recipe)


def test_unknown_name():
    with pytest.raises(
        ValueError, match="Did you mean 'quickstart_rgb'.*'quik"
    ):
        recipes.get("quikstart_rgb")


def test_tsn_is_the_authors_solver():
    """Of the released solver for UCF101: base_lr 1e-3, x0.1 each 1500, 3500
    iterations, clip 40, decay 5e-4, 128 clips an update."""
    tsn = recipes.get("tsn")
    optimiser, schedule = tsn.optimiser, tsn.schedule
    assert optimiser.batch_size * optimiser.accumulate == 128
    assert (optimiser.learning_rate, optimiser.clip_norm) == (1e-3, 40)
    assert (optimiser.momentum, optimiser.weight_decay) == (0.9, 5e-4)
    assert (schedule.steps, schedule.boundaries) == (3500, (1500, 3000))
    assert (tsn.test.num_segments, tsn.test.crops) == (25, "ten")
    assert all(figure.source for figure in tsn.reported)


def test_tsn_flow_is_the_authors_solver():
    """base_lr 5e-3, x0.1 at 10000 and 16000, 18000 iterations, clip 20."""
    for name in ("tsn_flow", "tsn_warped_flow"):
        flow = recipes.get(name)
        optimiser, schedule = flow.optimiser, flow.schedule
        assert optimiser.batch_size * optimiser.accumulate == 128
        assert (optimiser.learning_rate, optimiser.clip_norm) == (5e-3, 20)
        assert (schedule.steps, schedule.boundaries) == (18000, (10000, 16000))
        assert name == f"tsn_{flow.network.arguments['modality']}"
    difference = recipes.get("tsn_rgb_diff")
    schedule = difference.schedule
    assert (schedule.epochs, schedule.boundaries) == (180, (80, 160))
    assert difference.optimiser == recipes.get("tsn").optimiser


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_there_and_back_through_yaml(name):
    recipe = recipes.get(name)
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe


@pytest.mark.parametrize(
    "name, modality, num_segments, dropout, scales, method",
    [
        ("tsn", "rgb", 3, 0.8, 4, "tvl1"),
        ("tsn_flow", "flow", 3, 0.7, 3, "tvl1"),
        ("tsn_warped_flow", "warped_flow", 3, 0.7, 3, "tvl1"),
        ("tsn_rgb_diff", "rgb_diff", 7, 0.8, 3, "tvl1"),
        ("quickstart_flow", "flow", 3, 0.3, 1, "dis"),
    ],
)
def test_what_their_networks_see(
    name, modality, num_segments, dropout, scales, method
):
    # Of another backbone, which is built sooner.
    recipe = recipes.get(name).with_settings(
        ["network.arguments.backbone=tiny"]
    )
    model = network.build(recipe, ("jump", "run"))
    spec = keras_vidrec.describe(model).clip_spec
    assert spec.modalities == (modality,)
    assert spec.snippet_length == (1 if modality == "rgb" else 5)
    assert (spec.num_segments, spec.alignment) == (num_segments, "forward")
    assert len(spec.crop_scales) == scales
    assert (spec.flow.method, spec.flow.bound) == (method, 20)
    assert model.get_layer("dropout").rate == dropout
    assert model.input_shape[-1] == spec.channels(modality)


def test_two_stream_fusion_is_that_of_the_paper():
    """Section 3.5 and the released solver: 96 videos an update, rates 1e-3
    to 1e-6 in blocks of 10 epochs, dropout .85; released test: 50 chunks."""
    fusion = recipes.get("two_stream_fusion")
    optimiser, schedule = fusion.optimiser, fusion.schedule
    assert optimiser.batch_size * optimiser.accumulate == 96
    assert (optimiser.name, optimiser.learning_rate) == ("sgd", 1e-3)
    assert (schedule.epochs, schedule.boundaries) == (50, (20, 30, 40))
    assert fusion.network.arguments["dropout"] == 0.85
    assert fusion.initialisation.frozen == ("rgb", "flow")
    test = fusion.test
    assert (test.num_clips, test.num_segments, test.stride) == (10, 5, 15)
    for name in ("two_stream_fusion", "st_multiplier", "st_resnet"):
        recipe = recipes.get(name)
        assert recipe.augmentation.crop == "corner_jitter"
        assert recipe.test.crops == "frame_and_mirror"
        # Features of chance cannot be trained on.
        assert not recipes.get(f"{name}_scratch").initialisation.frozen
    with pytest.raises(ValueError, match=r"weights=\{rgb: RUN, flow: RUN\}"):
        network.build(fusion, ("jump", "run"))


def test_the_multiplier_is_that_of_the_paper():
    """Sections 4.1 and 4.2: 128 videos by micro-batches of 4, a tenth of the
    rate after 20 epochs and after 10 more; 25 chunks in one pass."""
    for name in ("st_multiplier", "st_resnet"):
        recipe = recipes.get(name)
        optimiser, schedule = recipe.optimiser, recipe.schedule
        assert (optimiser.batch_size, optimiser.accumulate) == (4, 32)
        assert (optimiser.learning_rate, schedule.factor) == (1e-3, 0.1)
        assert schedule.boundaries == (20, 30)
        assert recipe.network.arguments["dropout"] == 0.8
        test = recipe.test
        assert (test.num_clips, test.num_segments, test.stride) == (1, 25, 15)


@pytest.mark.parametrize(
    "name, size, stride",
    [
        ("two_stream_fusion", 224, (1, 10)),
        ("st_multiplier", 224, (5, 35)),
        ("two_stream_fusion_scratch", 112, (1, 10)),
        ("st_resnet_scratch", 112, (5, 35)),
    ],
)
def test_what_networks_of_two_streams_see(name, size, stride):
    recipe = recipes.get(name).with_settings(
        ["network.arguments.backbone=tiny", "initialisation.frozen=[]"]
    )
    model = network.build(recipe, ("jump", "run"))
    spec = keras_vidrec.describe(model).clip_spec
    assert spec.modalities == ("rgb", "flow")
    assert (spec.num_segments, spec.snippet_length) == (5, 10)
    assert (spec.sampling, spec.stride) == ("chunks", stride)
    assert (spec.alignment, spec.size, spec.ordered) == ("centred", size, True)
    towers = ("rgb", "flow")
    if name.startswith("two_stream"):
        towers = ("spatiotemporal", "temporal")
    assert {*model.output} == {"predictions", *towers}
    for tower in towers:
        rate = model.get_layer(f"{tower}_dropout").rate
        assert rate == recipe.network.arguments["dropout"]


def test_networks_over_features_are_those_of_the_papers():
    """Ma et al., section 3.4.1 and their code: Adam, 5e-5, elements of the
    gradient within 5; 1e-4, decay .1, 30 epochs in three rates."""
    ts_lstm, inception = map(recipes.get, ("ts_lstm", "temporal_inception"))
    optimiser, schedule = ts_lstm.optimiser, ts_lstm.schedule
    assert (optimiser.name, optimiser.learning_rate) == ("adam", 5e-5)
    assert (optimiser.batch_size, optimiser.clip_value) == (64, 5)
    assert (schedule.kind, schedule.epochs) == ("constant", 100)
    optimiser, schedule = inception.optimiser, inception.schedule
    assert (optimiser.name, optimiser.learning_rate) == ("adam", 1e-4)
    assert (optimiser.batch_size, optimiser.weight_decay) == (16, 0.1)
    assert (schedule.epochs, schedule.boundaries) == (30, (10, 20))
    for recipe in (ts_lstm, inception):
        model = network.build(recipe, ("jump", "run"))
        assert model.input["flow"].shape == (None, 25, 2048)
        spec = keras_vidrec.describe(model).clip_spec
        assert (spec.num_segments, spec.sampling) == (25, "feature_grid")
        assert (recipe.test.num_segments, recipe.test.crops) == (25, "centre")


def test_stfn_is_that_of_the_paper():
    """Cho and Foroosh, section 4.2: RMSProp from 1e-4 to 1e-7, then SGD with
    32 videos an update; 5 sequences of 7 segments."""
    first, second = map(recipes.get, ("stfn_stage1", "stfn_stage2"))
    rates, schedule = first.optimiser, first.schedule
    last = rates.learning_rate * schedule.factor ** len(schedule.boundaries)
    assert (rates.name, rates.learning_rate) == ("rmsprop", 1e-4)
    assert last == pytest.approx(1e-7)
    sgd = second.optimiser
    assert (sgd.name, sgd.learning_rate, sgd.momentum) == ("sgd", 1e-3, 0.9)
    assert sgd.batch_size * sgd.accumulate == 32
    for recipe in (first, second):
        test = recipe.test
        assert (test.num_segments, test.num_clips) == (7, 5)
    with pytest.raises(ValueError, match="initialisation.weights.rgb=None"):
        network.build(second, ("jump", "run"))
    small = ["rgb_backbone=tiny", "flow_backbone=tiny"]
    clips = second.with_settings(
        [f"network.arguments.{setting}" for setting in small]
        + ["initialisation.weights=null"]
    )
    found = [
        network.build(recipe, ("jump", "run"))
        for recipe in (
            first.with_settings(["network.arguments.features=256"]),
            clips,
        )
    ]
    for model in found:
        spec = keras_vidrec.describe(model).clip_spec
        assert (spec.num_segments, spec.sampling) == (7, "uniform")
        assert (spec.alignment, spec.snippet_length) == ("centred", 10)
        assert spec.modalities == ("rgb", "flow")
    assert found[1].input["flow"].shape[-1] == 20
