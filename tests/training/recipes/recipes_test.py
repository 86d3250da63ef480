import re

import pytest

import keras_vidrec
from keras_vidrec.training import network
from keras_vidrec.training import recipe_network
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tables
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.tiny import tiny
from tests.training.recipes.two_streams_test import BASELINES
from tests.training.recipes.two_streams_test import NO_DECAY


def test_by_name_and_by_file(tmp_path):
    recipe = recipes.get("tsn_rgb_ucf101_code")
    path = tmp_path / "mine.yaml"
    path.write_text(recipe.to_yaml())
    assert recipes.get(str(path)) == recipe
    assert isinstance(recipe, Recipe)


@pytest.mark.parametrize(
    "name, message",
    [
        ("quikstart_rgb", "Did you mean 'quickstart_rgb'[?] .*'quik"),
        (
            "stfn_stage1",
            "Did you mean .*'stfn_stage1_ucf101'",
        ),
        ("zzz", "Unknown recipe. Expected one that `vidrec recipes` lists"),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(ValueError, match=message):
        recipes.get(name)


def test_names_tell_what_is_trained_on_what():
    for paper in recipes.PAPERS.values():
        for recipe in map(recipes.get, paper):
            application = recipe.network.application
            name = recipe.name
            if name.startswith(("quickstart", "scratch", "finetune", "frozen")):
                continue
            small = name.endswith("_scratch")
            dataset = re.search("_(ucf101|hmdb51)(_paper|_code)?$", name)
            assert bool(dataset) != small
            if application == "TSN":
                modality = recipe.network.arguments["modality"]
                assert f"_{modality}_{dataset[1]}" in name
            if name.startswith("two_stream_") and application == "TSN":
                assert (
                    recipe.network.arguments["backbone"].removesuffix("_caffe")
                    in name
                )
            for figure in recipe.reported:
                assert figure.dataset.lower().startswith(dataset[1])
                assert figure.source and figure.note
    networks = (
        "tsn_rgb",
        "tsn_rgb_diff",
        "tsn_flow",
        "tsn_warped_flow",
        *(
            f"two_stream_{backbone}_{modality}"
            for backbone in BASELINES
            for modality in ("rgb", "flow")
        ),
        "two_stream_fusion",
        "st_resnet",
        "st_multiplier",
        "ts_lstm",
        "temporal_inception",
        "stfn_stage1",
        "stfn_stage1_features",
        "stfn_stage2",
    )
    for network_name in networks:
        endings = ("ucf101", "hmdb51")
        if network_name.startswith("tsn"):
            endings = ("ucf101_paper", "ucf101_code", "hmdb51_code")
        for ending in endings:
            assert f"{network_name}_{ending}" in recipes.RECIPES


# Section 4.1 of the paper, and the solvers of the authors' release: base_lr,
# clip_gradients of the mean gradient (its 4 workers are averaged; the paper's
# sums two batches of each), multiplier of the first convolution, clips an
# update, iterations, and where the rate falls to a tenth.
TSN_SOLVERS = {
    "tsn_rgb_ucf101_paper": (1e-3, 20, 1, 256, 4500, (2000, 4000)),
    "tsn_flow_ucf101_paper": (5e-3, 10, 5, 256, 20000, (12000, 18000)),
    "tsn_rgb_ucf101_code": (1e-3, 40, 1, 128, 3500, (1500, 3000)),
    "tsn_flow_ucf101_code": (5e-3, 20, 5, 128, 18000, (10000, 16000)),
    "tsn_rgb_hmdb51_code": (1e-3, 40, 1, 128, 2500, (1000, 2000)),
    "tsn_flow_hmdb51_code": (5e-3, 20, 5, 128, 7000, (4000, 6000)),
}


@pytest.mark.parametrize("name", TSN_SOLVERS)
def test_tsn_is_the_authors_solver(name):
    recipe = recipes.get(name)
    optimizer, schedule = recipe.optimizer, recipe.schedule
    multipliers = optimizer.learning_rate_multipliers
    assert TSN_SOLVERS[name] == (
        optimizer.learning_rate,
        optimizer.clip_norm,
        multipliers.get("first_convolution", 1),
        optimizer.effective_batch,
        schedule.steps,
        schedule.boundaries,
    )
    assert optimizer.reference_batch == optimizer.effective_batch
    assert multipliers["bias"] == 2 and schedule.factor == 0.1
    assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 5e-4)
    assert (recipe.test.num_segments, recipe.test.crops) == (25, "ten")
    assert recipe.initialization.partial_batch_norm
    assert recipe.fusion.weights == {"rgb": 1, "flow": 1.5}
    assert recipe.fusion.scores == "logits"
    with pytest.raises(ValueError, match="initialization.weights=RUN"):
        network.build(recipe, ("jump", "run"))


@pytest.mark.parametrize(
    "ending", ["ucf101_paper", "ucf101_code", "hmdb51_code"]
)
def test_warped_flow_is_trained_as_flow(ending):
    flow = recipes.get(f"tsn_flow_{ending}")
    warped = recipes.get(f"tsn_warped_flow_{ending}")
    assert warped.network.arguments["modality"] == "warped_flow"
    assert warped.optimizer == flow.optimizer
    assert warped.schedule == flow.schedule
    assert warped.fusion.weights == {"rgb": 1, "flow": 1, "warped_flow": 0.5}


def test_differences_are_trained_as_the_authors_second_program_does():
    """Rate 1e-3, a tenth after 80 and 160 of 180 epochs, bound 40 of the mean
    over 128 clips, 7 segments where that program samples them."""
    for dataset in ("ucf101", "hmdb51"):
        recipe = recipes.get(f"tsn_rgb_diff_{dataset}_code")
        optimizer, schedule = recipe.optimizer, recipe.schedule
        assert (schedule.epochs, schedule.boundaries) == (180, (80, 160))
        assert optimizer.learning_rate == 1e-3
        assert (optimizer.name, optimizer.clip_norm) == ("sgd_torch", 40)
        assert recipe.clip["sampling"] == "tsn_pytorch"
        assert optimizer.effective_batch == 128
        assert optimizer.learning_rate_multipliers == {"bias": 2}
    paper = recipes.get("tsn_rgb_diff_ucf101_paper")
    temporal = recipes.get("tsn_flow_ucf101_paper")
    assert paper.schedule == temporal.schedule
    assert paper.optimizer.learning_rate == temporal.optimizer.learning_rate
    assert paper.optimizer.learning_rate_multipliers == {"bias": 2}


def test_table_1_is_values_of_fields():
    """Section 4.2: which stream starts from ImageNet weights, and whether
    with partial batch normalization and dropout. None has segments."""
    rows = [row for row in tables.rows("tsn") if row.table == 1 and row.recipe]
    assert len(rows) == 8
    for row in rows:
        recipe = row.changed()
        start = recipe.initialization
        spatial = row.row == "Pre-train Spatial"
        random = row.row == "From Scratch" or (
            spatial and row.column == "Temporal ConvNets"
        )
        assert start.weights == (None if random else "FILE")
        last = row.row == "+ Partial BN with dropout"
        assert start.partial_batch_norm is last
        dropout = 0.8 if row.column == "Spatial ConvNets" else 0.7
        assert recipe.network.head_dropout == (dropout if last else 0)
        assert (recipe.clip["num_segments"], start.inflation) == (1, "avg")


def test_table_1_is_trained_from_scratch():
    row = next(
        row
        for row in tables.rows("tsn")
        if row.recipe == "tsn_flow_ucf101_paper"
    )
    recipe = row.changed().with_values({"network.arguments.backbone": "tiny"})
    model = network.build(recipe, ("jump", "run"))
    assert keras_vidrec.describe(model).clip_spec.num_segments == 1
    assert model.get_layer("dropout").rate == 0


def test_several_devices_divide_the_batches():
    """8 GPUs; 4 where batch normalization sees 4 clips or all of the batch."""
    for recipe in recipes.RECIPES.values():
        few = ("st_multiplier", "st_resnet", "stfn_stage2")
        devices = 4 if recipe.name.startswith(few) else 8
        if not recipe.name.startswith(
            ("quickstart", "scratch", "finetune", "frozen")
        ):
            assert not recipe.optimizer.batch_size % devices, recipe.name


@pytest.mark.parametrize(
    "name, modality, num_segments, dropout, scales, method",
    [
        ("tsn_rgb_ucf101_code", "rgb", 3, 0.8, 4, "tvl1"),
        ("tsn_flow_hmdb51_code", "flow", 3, 0.7, 3, "tvl1"),
        ("tsn_warped_flow_ucf101_paper", "warped_flow", 3, 0.7, 4, "tvl1"),
        ("tsn_rgb_diff_ucf101_code", "rgb_diff", 7, 0.8, 3, "tvl1"),
        ("tsn_rgb_diff_ucf101_paper", "rgb_diff", 3, 0.7, 4, "tvl1"),
        ("quickstart_flow", "flow", 3, 0.3, 1, "dis"),
    ],
)
def test_what_their_networks_see(
    name, modality, num_segments, dropout, scales, method
):
    # Of another backbone, which is built sooner.
    recipe = recipes.get(name).with_settings(
        [
            "network.arguments.backbone=tiny",
            "initialization.partial_batch_norm=false",
        ]
    )
    model = network.build(recipe, ("jump", "run"))
    spec = keras_vidrec.describe(model).clip_spec
    assert spec.modalities == (modality,)
    assert spec.snippet_length == (1 if modality == "rgb" else 5)
    assert (spec.num_segments, spec.alignment) == (num_segments, "forward")
    # The paper's sides are drawn apart, and the same for both streams.
    policy = "multi_scale_regular" if name.endswith("_paper") else "tsn"
    crop = recipe.augmentation.crop
    assert crop.policy == policy
    assert len(crop.scales_of(spec.modalities)) == scales
    # As large as the generated videos, or squashed as in TSN's programs.
    small = name.startswith("quickstart")
    assert spec.frame.size == ("short64" if small else "340x256")
    assert (spec.flow.method, spec.flow.bound) == (method, 20)
    assert model.get_layer("dropout").rate == dropout
    assert model.input_shape[-1] == spec.channels(modality)


def test_two_stream_fusion_is_that_of_the_paper():
    """Section 3.5 and the released solver: 96 videos an update, rates 1e-3
    to 1e-6 in epochs of 10 passes, dropout .85; released test: 50 chunks."""
    fusion = recipes.get("two_stream_fusion_ucf101")
    optimizer, schedule = fusion.optimizer, fusion.schedule
    assert optimizer.effective_batch == optimizer.reference_batch == 96
    assert optimizer.learning_rate_multipliers == {"bias": 2}
    assert optimizer.name == "sgd_matconvnet"
    assert optimizer.learning_rate == 1e-3
    assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 5e-4)
    assert optimizer.decay_multipliers == NO_DECAY and schedule.factor == 0.1
    assert (schedule.epochs, schedule.boundaries) == (5, (2, 3, 4))
    assert schedule.passes == 10
    assert fusion.network.head_dropout == 0.85
    assert fusion.initialization.frozen == ("rgb", "flow")
    test = fusion.test
    assert (test.num_clips, test.num_segments, test.stride) == (10, 5, 15)
    for name in ("two_stream_fusion", "st_multiplier", "st_resnet"):
        recipe = recipes.get(f"{name}_hmdb51")
        spec = recipe_network.clip_spec(
            recipe.with_settings(["network.arguments.backbone=tiny"])
        )
        crop = recipe.augmentation.crop
        assert (crop.policy, spec.frame.size) == ("jitter25", "short256")
        assert recipe.test.crops == "frame_and_mirror"
        # Features of chance cannot be trained on.
        assert not recipes.get(f"{name}_scratch").initialization.frozen
    with pytest.raises(ValueError, match=r"weights=\{rgb: RUN, flow: RUN\}"):
        network.build(fusion, ("jump", "run"))


def test_the_multiplier_is_that_of_the_paper():
    """Sections 4.1 and 4.2: 128 videos by micro-batches of 4, a tenth of the
    rate after 20 epochs and after 10 more; 25 chunks in one pass. ST-ResNet is
    the first step of its program, in epochs of 10 passes."""
    for name, dropout, stride, pooling, course in (
        (
            "st_multiplier",
            {"rgb": 0.0, "flow": 0.8},
            [5, 35],
            "max",
            (40, 1, (20, 30)),
        ),
        ("st_resnet", 0.0, [5, 15], None, (8, 10, (3, 6))),
    ):
        recipe = recipes.get(f"{name}_ucf101")
        optimizer, schedule = recipe.optimizer, recipe.schedule
        assert (optimizer.batch_size, optimizer.accumulate) == (4, 32)
        assert (optimizer.learning_rate, schedule.factor) == (1e-3, 0.1)
        assert course == (
            schedule.epochs,
            schedule.passes,
            schedule.boundaries,
        )
        assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 5e-4)
        assert optimizer.decay_multipliers == NO_DECAY
        assert optimizer.learning_rate_multipliers == {"gamma": 2, "bias": 2}
        assert recipe.network.batch_norm_momentum == 0.95
        assert optimizer.name == "sgd_torch"
        arguments = recipe.network.arguments
        assert recipe.network.head_dropout == dropout
        assert arguments["temporal_pooling"] == pooling
        # Of whole frames, by windows as large as the maps of the crops.
        assert arguments["spatial_pooling"] == 7
        assert recipe.clip["stride"] == stride
        assert recipe.test.name == "25xframe"
        with pytest.raises(ValueError, match="initialization.weights.rgb=None"):
            network.build(recipe, ("jump", "run"))


def test_on_hmdb51_motion_counts_thrice_in_late_fusion_alone():
    """ST-Multiplier, section 5.3: of separate networks; its own averages."""
    for modality in ("rgb", "flow"):
        alone = recipes.get(f"two_stream_resnet50_{modality}_hmdb51")
        assert alone.fusion.weights == {"rgb": 1, "flow": 3}
    gated = recipes.get("st_multiplier_hmdb51")
    model = network.build(tiny(gated), ("jump", "run"))
    assert tuple(model.get_layer("score_fusion").stream_weights) == (1, 1)


@pytest.mark.parametrize(
    "name, size, stride",
    [
        ("two_stream_fusion_ucf101", 224, (1, 10)),
        ("st_multiplier_ucf101", 224, (5, 35)),
        ("two_stream_fusion_scratch", 112, (1, 10)),
        ("st_resnet_scratch", 112, (5, 35)),
    ],
)
def test_what_networks_of_two_streams_see(name, size, stride):
    recipe = recipes.get(name).with_settings(
        [
            "network.arguments.backbone=tiny",
            "initialization.frozen=[]",
            "initialization.weights=null",
        ]
    )
    model = network.build(recipe, ("jump", "run"))
    spec = keras_vidrec.describe(model).clip_spec
    assert spec.modalities == ("rgb", "flow")
    assert (spec.num_segments, spec.snippet_length) == (5, 10)
    assert (spec.sampling, spec.stride) == ("chunks", stride)
    assert (spec.alignment, spec.size, spec.ordered) == ("centered", size, True)
    towers = ("rgb", "flow")
    if name.startswith("two_stream"):
        towers = ("spatiotemporal", "temporal")
    assert {*model.output} == {"predictions", *towers}
    rates = {t: model.get_layer(f"{t}_dropout").rate for t in towers}
    stated = recipe.network.head_dropout
    if not isinstance(stated, dict):
        stated = dict.fromkeys(towers, stated)
    assert rates == stated
    if name.startswith("st_multiplier"):
        # STMulNet.m starts from an rgb network without the layer.
        assert rates == {"rgb": 0, "flow": 0.8}


def test_networks_over_features_are_those_of_the_papers():
    """Ma et al., section 3.4.1 and their code: Adam, 5e-5, elements of the
    gradient within 5; 1e-4, decay .1, 30 epochs in three rates."""
    ts_lstm = recipes.get("ts_lstm_ucf101")
    inception = recipes.get("temporal_inception_ucf101")
    optimizer, schedule = ts_lstm.optimizer, ts_lstm.schedule
    assert (optimizer.name, optimizer.learning_rate) == ("adam", 5e-5)
    assert (optimizer.batch_size, optimizer.clip_value) == (64, 5)
    assert (schedule.kind, schedule.epochs) == ("constant", 100)
    optimizer, schedule = inception.optimizer, inception.schedule
    assert (optimizer.name, optimizer.learning_rate) == ("adam", 1e-4)
    assert (optimizer.batch_size, optimizer.weight_decay) == (16, 0.1)
    assert (schedule.epochs, schedule.boundaries) == (30, (10, 20))
    assert set(optimizer.decay_multipliers.values()) == {1}
    # Section 4.2: 69.0 is that of two layers, one has 68.7.
    deep = recipes.get("ts_lstm_hmdb51")
    assert deep.network.arguments["units"] == [512, 512]
    assert [figure.accuracy for figure in deep.reported] == [69.0, 68.7]
    for recipe in (ts_lstm, inception):
        model = network.build(recipe, ("jump", "run"))
        assert model.input["flow"].shape == (None, 25, 2048)
        spec = keras_vidrec.describe(model).clip_spec
        assert (spec.num_segments, spec.sampling) == (25, "feature_grid")
        assert (spec.alignment, spec.snippet_length) == ("centered_late", 10)
        assert (recipe.test.num_segments, recipe.test.crops) == (25, "center")


def test_stfn_is_that_of_the_paper():
    """Cho and Foroosh, section 4.2: RMSProp from 1e-4 to 1e-7, then SGD with
    32 videos an update; 5 sequences of 7 segments."""
    first = recipes.get("stfn_stage1_ucf101")
    shortcut = recipes.get("stfn_stage1_features_ucf101")
    second = recipes.get("stfn_stage2_ucf101")
    rates, schedule = first.optimizer, first.schedule
    assert (rates.name, rates.learning_rate) == ("rmsprop", 1e-4)
    assert (schedule.kind, schedule.factor) == ("plateau", 0.1)
    assert schedule.min_learning_rate == 1e-7
    assert schedule.early_stop == 4 * schedule.patience
    assert second.schedule.kind == "plateau"
    sgd = second.optimizer
    assert (sgd.name, sgd.learning_rate, sgd.momentum) == ("sgd", 1e-3, 0.9)
    assert sgd.batch_size * sgd.accumulate == 32
    assert sgd.weight_decay == rates.weight_decay == 0
    assert (shortcut.optimizer, shortcut.schedule) == (rates, schedule)
    assert first.initialization.frozen == ("rgb", "flow")
    for recipe in (first, shortcut, second):
        assert recipe.test.name == "5_sequences"
        assert recipe.test.averaged == "probabilities"
    for recipe, name in ((first, "weights.rgb"), (second, "weights")):
        with pytest.raises(ValueError, match=f"initialization.{name}=None"):
            network.build(recipe, ("jump", "run"))
    random = ["initialization.weights=null", "initialization.frozen=[]"]
    random.append("network.arguments.backbone=tiny")
    clips = keras_vidrec.describe(
        network.build(second.with_settings(random), ("jump", "run"))
    ).clip_spec
    # Stage 1 draws frames and crops as stage 2 does.
    assert (first.clip, first.network) == (second.clip, second.network)
    assert first.augmentation == second.augmentation
    features = network.build(
        shortcut.with_settings(["network.arguments.features=256"]),
        ("jump", "run"),
    )
    for spec in (clips, keras_vidrec.describe(features).clip_spec):
        assert (spec.num_segments, spec.sampling) == (7, "uniform")
        assert (spec.alignment, spec.snippet_length) == ("centered", 10)
        assert spec.modalities == ("rgb", "flow")
    crop = second.augmentation.crop
    assert crop.policy == "multi_scale_regular" and clips.size == 224
    assert clips.channels("flow") == 20
