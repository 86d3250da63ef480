"""The two-stream baselines as the authors' programs run them."""

import pytest

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.arguments import check_imagenet
from keras_vidrec.training import network
from keras_vidrec.training import recipe_network
from keras_vidrec.training import recipes
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.phases import Phases
from tests.applications.joined_streams import without_values

NO_DECAY = {"bias": 0, "gamma": 0, "beta": 0}
# By backbone and modality: rate, clips an update, dropout, crop, and where the
# rate falls, the last place being the end; one number is the last rate of a
# plateau. Of the fusion papers the authors' programs: passes over the data;
# in phases with what they train, and the rate.
BEHIND_POOL5 = ("fc6", "fc7", "logits")
BASELINES = {
    "vgg16": (
        (
            *(1e-3, 128, 0.85, "jitter25"),
            (
                ("head", 1e-3, 30),
                ("all", 5e-4, 50),
                ("all", 5e-5, 20),
                ("all", 5e-6, 20),
            ),
        ),
        (5e-4, 128, 0.9, "multi_scale_regular", (1000, 1500, 1600)),
    ),
    "vgg_m_2048": (
        (
            *(1e-2, 256, 0.85, "jitter25"),
            (
                (BEHIND_POOL5, 1e-2, 20),
                ("all", 1e-2, 30),
                ("all", 1e-3, 30),
                ("all", 1e-4, 30),
            ),
        ),
        (1e-2, 128, 0.9, "multi_scale_regular", (100, 200, 300, 400)),
    ),
    "resnet50": (
        (1e-2, 256, 0.0, "jitter25", (20, 40, 60)),
        (1e-2, 128, 0.8, "multi_scale_regular", (100, 200, 300, 400)),
    ),
    "resnet101": (
        (5e-6, 64, 0.0, "inception", 5e-8),
        (5e-3, 64, 0.0, "inception", 5e-5),
    ),
    "resnet101_stfn": (
        (1e-3, 32, 0.0, "multi_scale_regular", 1e-5),
        (1e-3, 32, 0.0, "multi_scale_regular", 1e-5),
    ),
    "inception_v3": (
        (1e-3, 32, 0.0, "multi_scale_regular", 1e-5),
        (1e-3, 32, 0.0, "multi_scale_regular", 1e-5),
    ),
}
# On HMDB51 the programs are as long but for these.
SHORTER = {
    "vgg_m_2048": (
        (BEHIND_POOL5, 1e-2, 20),
        ("all", 1e-2, 10),
        ("all", 1e-3, 10),
        ("all", 1e-4, 10),
    ),
    "resnet50": (20, 30, 40),
}
# Solver, decay and multipliers of the rate; whole frames (two-stream fusion and
# ST-Multiplier, and STFN, which does not tell), and TS-LSTM's center.
OF_BACKBONE = {
    "vgg16": ("sgd_matconvnet", 5e-4, {"bias": 2}, "frame_and_mirror"),
    "vgg_m_2048": ("sgd_matconvnet", 5e-4, {"bias": 2}, "frame_and_mirror"),
    "resnet50": (
        "sgd_torch",
        5e-4,
        {"bias": 2, "gamma": 2},
        "frame_and_mirror",
    ),
    "resnet101": ("sgd_torch", 1e-4, {}, "center"),
    "resnet101_stfn": ("sgd", 0.0, {}, "frame_and_mirror"),
    "inception_v3": ("sgd", 0.0, {}, "frame_and_mirror"),
}


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51"])
@pytest.mark.parametrize("backbone", BASELINES)
def test_two_stream_baselines(backbone, dataset):
    for modality, expected in zip(("rgb", "flow"), BASELINES[backbone]):
        recipe = recipes.get(f"two_stream_{backbone}_{modality}_{dataset}")
        arguments, optimizer = recipe.network.arguments, recipe.optimizer
        schedule = recipe.schedule
        falls = schedule.min_learning_rate
        if schedule.phases:
            rates = optimizers.published_rates(schedule, optimizer)
            falls = tuple(
                (phase.trained, rate, phase.epochs * schedule.passes)
                for phase, rate in zip(schedule.phases, rates, strict=True)
            )
            assert not recipe.validation.is_wanted
        elif schedule.kind == "step":
            falls = (*schedule.boundaries, schedule.epochs)
            falls = tuple(epoch * schedule.passes for epoch in falls)
            assert not recipe.validation.is_wanted
        else:
            assert schedule.kind == "plateau"
            assert schedule.early_stop == 3 * schedule.patience
            assert recipe.validation.fraction > 0
        *values, expected_falls = expected
        if (modality, dataset) == ("rgb", "hmdb51"):
            expected_falls = SHORTER.get(backbone, expected_falls)
        assert (*values, expected_falls) == (
            optimizer.learning_rate,
            optimizer.effective_batch,
            recipe.network.head_dropout,
            recipe.augmentation.crop.policy,
            falls,
        )
        assert OF_BACKBONE[backbone] == (
            optimizer.name,
            optimizer.weight_decay,
            optimizer.learning_rate_multipliers,
            recipe.test.crops,
        )
        assert optimizer.momentum == 0.9
        torch7 = backbone == "resnet101"
        assert optimizer.nesterov is torch7
        # Torch7's SGD spares no weight.
        decay = dict.fromkeys(NO_DECAY, 1) if torch7 else NO_DECAY
        assert optimizer.decay_multipliers == decay
        assert optimizer.reference_batch == optimizer.effective_batch
        assert arguments.get("snippet_length", 10) == 10
        # MatConvNet's programs draw the classifier ten times as far as Caffe's.
        matconvnet = "vgg" in backbone or backbone == "resnet50"
        # Torch's nn.Linear is uniform within 1 / sqrt(2048).
        torch_linear = round((3 * 2048) ** -0.5, 4) if torch7 else None
        stddev = 0.01 if matconvnet else torch_linear
        assert arguments.get("classifier_stddev") == stddev
        # Windows as large as the maps of crops slide over whole frames.
        window = 7 if backbone == "resnet50" else None
        assert arguments.get("spatial_pooling") == window
        # MatConvNet's moments move at a rate of .05.
        momentum = 0.95 if backbone == "resnet50" else None
        assert recipe.network.batch_norm_momentum == momentum
        assert recipe.clip["num_segments"] == 1
        # Not squashed, as those of TSN.
        assert recipe.clip["frame"] == {"size": "short256"}
        assert recipe.test.num_segments == 25
        (figure,) = recipe.reported
        assert "from ImageNet weights" in figure.note
        start = recipe.initialization
        assert start.inflation == "avg"
        # Section 4.4 of two-stream fusion, flow, and 4 of TS-LSTM: HMDB51
        # goes on from UCF101; VGG-M-2048 has no weights in Keras.
        if backbone == "vgg_m_2048" or (backbone, modality, dataset) in (
            ("vgg16", "flow", "hmdb51"),
            ("resnet101", "rgb", "hmdb51"),
            ("resnet101", "flow", "hmdb51"),
        ):
            assert start.weights == {modality: None}
            with pytest.raises(ValueError, match="initialization.weights=None"):
                network.build(recipe, ("jump", "run"))
        else:
            assert start.weights == "imagenet"
            # Refused where there are no such weights.
            check_imagenet(recipe_network.backbones(recipe), "imagenet")


@pytest.mark.parametrize("backbone", ["vgg16", "vgg_m_2048"])
def test_the_first_layers_wait_in_the_authors_first_phase(backbone):
    """The program stops its gradients behind the second dropout of VGG-16,
    the 37th layer, and behind pool5 of VGG-M-2048."""
    recipe = recipes.get(f"two_stream_{backbone}_rgb_ucf101")
    model = without_values(TSN, backbone=backbone, classes=101)
    phases = Phases(model, recipe.schedule, recipe.optimizer)
    layers = BEHIND_POOL5 if backbone == "vgg_m_2048" else ("logits",)
    found = [weight.path for weight in phases.weights(0)]
    assert found == [f"{x}/{w}" for x in layers for w in ("kernel", "bias")]
    assert len(phases.weights(1)) == len(model.trainable_weights)


def test_figures_of_the_baselines():
    def figures(backbone, dataset):
        names = [
            f"two_stream_{backbone}_{m}_{dataset}" for m in ("rgb", "flow")
        ]
        return [recipes.get(name).reported[0].accuracy for name in names]

    assert figures("vgg16", "ucf101") == [82.61, 86.25]
    assert figures("vgg16", "hmdb51") == [47.06, 55.23]
    assert figures("vgg_m_2048", "ucf101") == [74.22, 82.34]
    assert figures("vgg_m_2048", "hmdb51") == [36.77, 51.5]
    assert figures("resnet101_stfn", "ucf101") == [83.5, 86.0]
    assert figures("resnet101_stfn", "hmdb51") == [48.2, 58.1]
    assert figures("resnet50", "ucf101") == [82.3, 87.0]
    assert figures("resnet50", "hmdb51") == [48.9, 55.8]
    assert figures("resnet101", "ucf101") == [85.0, 87.2]
    assert figures("resnet101", "hmdb51") == [50.4, 59.7]
    assert figures("inception_v3", "ucf101") == [84.8, 88.1]
    assert figures("inception_v3", "hmdb51") == [51.2, 59.2]
