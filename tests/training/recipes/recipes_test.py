import re

import pytest

import keras_vidrec
from keras_vidrec.applications.parts.arguments import check_imagenet
from keras_vidrec.training import network
from keras_vidrec.training import recipe_network
from keras_vidrec.training import recipes
from keras_vidrec.training.recipes import tsn
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.tiny import tiny


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
            "Did you mean 'stfn_stage1_ucf101' or 'stfn_stage1_hmdb51'[?]",
        ),
        ("zzz", "Unknown recipe. Expected one that `vidrec recipes` lists"),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(ValueError, match=message):
        recipes.get(name)


def test_names_tell_what_is_trained_on_what():
    for paper in recipes.PAPERS.values():
        for recipe in paper:
            application = recipe.network.application
            name = recipe.name
            if name.startswith(("quickstart", "scratch")):
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
            for backbone in ("vgg16", "resnet50", "resnet101", "inception_v3")
            for modality in ("rgb", "flow")
        ),
        "two_stream_fusion",
        "st_resnet",
        "st_multiplier",
        "ts_lstm",
        "temporal_inception",
        "stfn_stage1",
        "stfn_stage2",
    )
    for network_name in networks:
        endings = ("ucf101", "hmdb51")
        if network_name.startswith("tsn"):
            endings = ("ucf101_paper", "ucf101_code", "hmdb51_code")
        for ending in endings:
            assert f"{network_name}_{ending}" in recipes.RECIPES


# Section 4.1 of the paper, and the solvers of the authors' release: base_lr,
# bound of the mean gradient, multiplier of the first convolution, clips an
# update, iterations, and where the rate falls to a tenth.
TSN = {
    "tsn_rgb_ucf101_paper": (1e-3, 20, 1, 256, 4500, (2000, 4000)),
    "tsn_flow_ucf101_paper": (5e-3, 10, 5, 256, 20000, (12000, 18000)),
    "tsn_rgb_ucf101_code": (1e-3, 40, 1, 128, 3500, (1500, 3000)),
    "tsn_flow_ucf101_code": (5e-3, 20, 5, 128, 18000, (10000, 16000)),
    "tsn_rgb_hmdb51_code": (1e-3, 40, 1, 128, 2500, (1000, 2000)),
    "tsn_flow_hmdb51_code": (5e-3, 20, 5, 128, 7000, (4000, 6000)),
}


@pytest.mark.parametrize("name", TSN)
def test_tsn_is_the_authors_solver(name):
    recipe = recipes.get(name)
    optimizer, schedule = recipe.optimizer, recipe.schedule
    multipliers = optimizer.learning_rate_multipliers
    assert TSN[name] == (
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
    """Rate 1e-3, a tenth after 80 and 160 of 180 epochs, bound 40."""
    for dataset in ("ucf101", "hmdb51"):
        recipe = recipes.get(f"tsn_rgb_diff_{dataset}_code")
        optimizer, schedule = recipe.optimizer, recipe.schedule
        assert (schedule.epochs, schedule.boundaries) == (180, (80, 160))
        assert optimizer.learning_rate == 1e-3
        assert (optimizer.name, optimizer.clip_norm) == ("sgd_torch", 40)
        assert optimizer.effective_batch == 128
        assert optimizer.learning_rate_multipliers == {"bias": 2}
    paper = recipes.get("tsn_rgb_diff_ucf101_paper")
    temporal = recipes.get("tsn_flow_ucf101_paper")
    assert paper.schedule == temporal.schedule
    assert paper.optimizer.learning_rate == temporal.optimizer.learning_rate
    assert paper.optimizer.learning_rate_multipliers == {"bias": 2}


@pytest.mark.parametrize("setting", tsn.TABLE_1)
def test_table_1_is_values_of_fields(setting):
    """Section 4.2: which stream starts from ImageNet weights, and whether
    with partial batch normalization and dropout. None has segments."""
    for modality, values in tsn.TABLE_1[setting].items():
        recipe = recipes.get(f"tsn_{modality}_ucf101_paper")
        recipe = recipe.with_settings(values)
        start = recipe.initialization
        both = setting in ("cross_modality", "partial_batch_norm")
        pretrained = both or (setting, modality) == ("pretrain_spatial", "rgb")
        assert start.weights == ("FILE" if pretrained else None)
        last = setting == "partial_batch_norm"
        assert start.partial_batch_norm is last
        assert recipe.network.arguments.get("dropout") == (None if last else 0)
        assert (recipe.clip["num_segments"], start.inflation) == (1, "avg")


def test_table_1_is_trained_from_scratch():
    recipe = recipes.get("tsn_flow_ucf101_code").with_settings(
        [
            *tsn.TABLE_1["from_scratch"]["flow"],
            "network.arguments.backbone=tiny",
        ]
    )
    model = network.build(recipe, ("jump", "run"))
    assert keras_vidrec.describe(model).clip_spec.num_segments == 1
    assert model.get_layer("dropout").rate == 0


NO_DECAY = {"bias": 0, "gamma": 0, "beta": 0}
# By backbone: rate, clips an update, dropout, last rate and crop of each
# stream; decay and multipliers of the rate.
BASELINES = {
    "vgg16": (
        (5e-4, 256, 0.85, 5e-6, "jitter25"),
        (5e-4, 128, 0.9, 5e-6, "multi_scale_regular"),
        (5e-4, {"bias": 2}),
    ),
    "resnet50": (
        (1e-2, 256, 0.0, 1e-4, "jitter25"),
        (1e-2, 128, 0.8, 1e-4, "multi_scale_regular"),
        (5e-4, {"gamma": 2}),
    ),
    "resnet101": (
        (5e-6, 64, 0.0, 5e-8, "inception"),
        (5e-3, 64, 0.0, 5e-5, "inception"),
        (1e-4, {}),
    ),
    "inception_v3": (
        (1e-3, 32, 0.0, 1e-5, "multi_scale_regular"),
        (1e-3, 32, 0.0, 1e-5, "multi_scale_regular"),
        (0.0, {}),
    ),
}


# Whole frames (two-stream fusion and ST-Multiplier), TS-LSTM's center, and
# where STFN does not tell TSN's crops.
TESTS = {
    "vgg16": "frame_and_mirror",
    "resnet50": "frame_and_mirror",
    "resnet101": "center",
    "inception_v3": "ten",
}


@pytest.mark.parametrize("backbone", BASELINES)
def test_two_stream_baselines(backbone):
    *streams, decay_and_multipliers = BASELINES[backbone]
    for dataset in ("ucf101", "hmdb51"):
        for modality, expected in zip(("rgb", "flow"), streams):
            recipe = recipes.get(f"two_stream_{backbone}_{modality}_{dataset}")
            arguments, optimizer = recipe.network.arguments, recipe.optimizer
            resnet = backbone.startswith("resnet")
            named = f"{backbone}_caffe" if resnet else backbone
            assert arguments["backbone"] == named
            assert expected == (
                optimizer.learning_rate,
                optimizer.effective_batch,
                arguments["dropout"],
                recipe.schedule.min_learning_rate,
                recipe.clip["crop"],
            )
            assert decay_and_multipliers == (
                optimizer.weight_decay,
                optimizer.learning_rate_multipliers,
            )
            assert optimizer.momentum == 0.9
            assert optimizer.decay_multipliers == NO_DECAY
            assert arguments.get("snippet_length", 10) == 10
            assert recipe.schedule.kind == "plateau"
            assert recipe.schedule.early_stop == 3 * recipe.schedule.patience
            assert recipe.validation.fraction > 0
            assert recipe.clip["num_segments"] == 1
            # Not squashed, as those of TSN.
            assert recipe.clip["frame"] == {"size": "short256"}
            assert recipe.test.num_segments == 25
            assert recipe.test.crops == TESTS[backbone]
            (figure,) = recipe.reported
            assert "from ImageNet weights" in figure.note
            start = recipe.initialization
            assert (start.weights, start.inflation) == ("imagenet", "avg")
            # Refused where there are no such weights.
            towers = recipe_network.backbones(recipe)
            check_imagenet(towers, "imagenet")
            assert towers == {modality: named}


def test_figures_of_the_baselines():
    def figures(backbone, dataset):
        names = [
            f"two_stream_{backbone}_{m}_{dataset}" for m in ("rgb", "flow")
        ]
        return [recipes.get(name).reported[0].accuracy for name in names]

    assert figures("vgg16", "ucf101") == [82.61, 86.25]
    assert figures("vgg16", "hmdb51") == [47.06, 55.23]
    assert figures("resnet50", "ucf101") == [82.3, 87.0]
    assert figures("resnet50", "hmdb51") == [48.9, 55.8]
    assert figures("resnet101", "ucf101") == [85.0, 87.2]
    assert figures("resnet101", "hmdb51") == [50.4, 59.7]
    assert figures("inception_v3", "ucf101") == [84.8, 88.1]
    assert figures("inception_v3", "hmdb51") == [51.2, 59.2]


def test_several_devices_divide_the_batches():
    """8 GPUs; 4 where batch normalization sees 4 clips or all of the batch."""
    for recipe in recipes.RECIPES.values():
        few = ("st_multiplier", "st_resnet", "stfn_stage2")
        devices = 4 if recipe.name.startswith(few) else 8
        if not recipe.name.startswith(("quickstart", "scratch")):
            assert not recipe.optimizer.batch_size % devices, recipe.name


@pytest.mark.parametrize(
    "name, modality, num_segments, dropout, scales, method",
    [
        ("tsn_rgb_ucf101_code", "rgb", 3, 0.8, 4, "tvl1"),
        ("tsn_flow_hmdb51_code", "flow", 3, 0.7, 3, "tvl1"),
        ("tsn_warped_flow_ucf101_paper", "warped_flow", 3, 0.7, 3, "tvl1"),
        ("tsn_rgb_diff_ucf101_code", "rgb_diff", 7, 0.8, 3, "tvl1"),
        ("tsn_rgb_diff_ucf101_paper", "rgb_diff", 3, 0.7, 3, "tvl1"),
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
    assert (spec.crop.policy, len(spec.crop.scales)) == ("tsn", scales)
    # As large as the generated videos, or squashed as in TSN's programs.
    small = name.startswith("quickstart")
    assert spec.frame.size == ("short64" if small else "340x256")
    assert (spec.flow.method, spec.flow.bound) == (method, 20)
    assert model.get_layer("dropout").rate == dropout
    assert model.input_shape[-1] == spec.channels(modality)


def test_two_stream_fusion_is_that_of_the_paper():
    """Section 3.5 and the released solver: 96 videos an update, rates 1e-3
    to 1e-6 in blocks of 10 epochs, dropout .85; released test: 50 chunks."""
    fusion = recipes.get("two_stream_fusion_ucf101")
    optimizer, schedule = fusion.optimizer, fusion.schedule
    assert optimizer.effective_batch == optimizer.reference_batch == 96
    assert optimizer.learning_rate_multipliers == {"bias": 2}
    assert (optimizer.name, optimizer.learning_rate) == ("sgd", 1e-3)
    assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 5e-4)
    assert optimizer.decay_multipliers == NO_DECAY and schedule.factor == 0.1
    assert (schedule.epochs, schedule.boundaries) == (50, (20, 30, 40))
    assert fusion.network.arguments["dropout"] == 0.85
    assert fusion.initialization.frozen == ("rgb", "flow")
    test = fusion.test
    assert (test.num_clips, test.num_segments, test.stride) == (10, 5, 15)
    for name in ("two_stream_fusion", "st_multiplier", "st_resnet"):
        recipe = recipes.get(f"{name}_hmdb51")
        spec = recipe_network.clip_spec(
            recipe.with_settings(["network.arguments.backbone=tiny"])
        )
        assert (spec.crop.policy, spec.frame.size) == ("jitter25", "short256")
        assert recipe.test.crops == "frame_and_mirror"
        # Features of chance cannot be trained on.
        assert not recipes.get(f"{name}_scratch").initialization.frozen
    with pytest.raises(ValueError, match=r"weights=\{rgb: RUN, flow: RUN\}"):
        network.build(fusion, ("jump", "run"))


def test_the_multiplier_is_that_of_the_paper():
    """Sections 4.1 and 4.2: 128 videos by micro-batches of 4, a tenth of the
    rate after 20 epochs and after 10 more; 25 chunks in one pass."""
    for name in ("st_multiplier", "st_resnet"):
        recipe = recipes.get(f"{name}_ucf101")
        optimizer, schedule = recipe.optimizer, recipe.schedule
        assert (optimizer.batch_size, optimizer.accumulate) == (4, 32)
        assert (optimizer.learning_rate, schedule.factor) == (1e-3, 0.1)
        assert (schedule.epochs, schedule.boundaries) == (40, (20, 30))
        assert (optimizer.momentum, optimizer.weight_decay) == (0.9, 5e-4)
        assert optimizer.decay_multipliers == NO_DECAY
        assert optimizer.learning_rate_multipliers == {"gamma": 2}
        assert recipe.network.arguments["dropout"] == 0.8
        assert recipe.test.name == "25xframe"
        with pytest.raises(ValueError, match="initialization.weights.rgb=None"):
            network.build(recipe, ("jump", "run"))


def test_on_hmdb51_motion_counts_thrice():
    """ST-Multiplier, section 5.3."""
    recipe = recipes.get("st_multiplier_hmdb51")
    assert recipe.fusion.weights == {"rgb": 1, "flow": 3}
    model = network.build(tiny(recipe), ("jump", "run"))
    assert tuple(model.get_layer("score_fusion").stream_weights) == (1, 3)


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
    for tower in towers:
        rate = model.get_layer(f"{tower}_dropout").rate
        assert rate == recipe.network.arguments["dropout"]


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
    for recipe in (ts_lstm, inception):
        model = network.build(recipe, ("jump", "run"))
        assert model.input["flow"].shape == (None, 25, 2048)
        spec = keras_vidrec.describe(model).clip_spec
        assert (spec.num_segments, spec.sampling) == (25, "feature_grid")
        assert (recipe.test.num_segments, recipe.test.crops) == (25, "center")


def test_stfn_is_that_of_the_paper():
    """Cho and Foroosh, section 4.2: RMSProp from 1e-4 to 1e-7, then SGD with
    32 videos an update; 5 sequences of 7 segments."""
    first = recipes.get("stfn_stage1_ucf101")
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
    for recipe in (first, second):
        test = recipe.test
        assert test.name == "5_sequences"
    with pytest.raises(ValueError, match="initialization.weights.rgb=None"):
        network.build(second, ("jump", "run"))
    clips = second.with_settings(
        ["network.arguments.backbone=tiny", "initialization.weights=null"]
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
        assert (spec.alignment, spec.snippet_length) == ("centered", 10)
        assert spec.modalities == ("rgb", "flow")
    assert found[1].input["flow"].shape[-1] == 20
