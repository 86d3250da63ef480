"""Every recipe as a rehearsal: built, and trained one update."""

import dataclasses
import json

import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.training import network
from keras_vidrec.training import recipe_network
from keras_vidrec.training import recipes
from keras_vidrec.training.objectives import losses
from keras_vidrec.training.optimizers import section as optimizers
from keras_vidrec.training.recipes.recipe import Recipe
from keras_vidrec.training.recipes.tiny import tiny

CLASSES = ("jump", "run", "walk")
TINY = {"tiny"}


def distinct():
    """Names of recipes with every argument of every network and every setting
    of an optimizer that there is: modalities, and how large rates, norms,
    lengths and weights of streams are, make no difference to a single
    update."""
    seen, names = set(), []
    for recipe in recipes.RECIPES.values():
        values = tiny(recipe).to_dict()
        network, optimizer = values["network"], values["optimizer"]
        for name in ("num_segments", "snippet_length", "modality"):
            network["arguments"].pop(name, None)
        for number in ("reference_batch", "learning_rate", "weight_decay"):
            del optimizer[number]
        del optimizer["batch_size"]
        optimizer["clip_norm"] = optimizer["clip_norm"] is not None
        application = network["application"]
        trained = {
            json.dumps(part)
            for part in (
                application,
                *(
                    (application, *part)
                    for part in network["arguments"].items()
                ),
                *optimizer.items(),
            )
        }
        if not trained <= seen:
            names.append(recipe.name)
        seen |= trained
    return names


def random_clips(model, batch_size, rng):
    """What the input pipeline gives: images of 0..255, or features."""
    spec = keras_vidrec.describe(model).clip_spec

    def clips(tensor):
        _, num_segments, *sizes = tensor.shape
        sizes = [spec.size if size is None else size for size in sizes]
        shape = (batch_size, num_segments or spec.num_segments, *sizes)
        if len(sizes) == 1:
            return rng.random(shape, dtype="float32")
        return rng.integers(0, 256, shape, dtype="uint8")

    if isinstance(model.input, dict):
        return {name: clips(tensor) for name, tensor in model.input.items()}
    return clips(model.input)


@pytest.mark.tensorflow_only
@pytest.mark.parametrize("name", distinct())
def test_every_recipe_takes_a_step(name):
    """One update with its own optimizer moves all that has a kernel. (A rate
    of 5e-6 is lost on scales of 1.)"""
    recipe = tiny(recipes.get(name), ["clip.size=32"])
    if recipe_network.sees_features(recipe):  # as tiny networks make them
        recipe = recipe.with_settings(["network.arguments.features=256"])
    model = network.build(recipe, CLASSES)
    trained = clip_logits_model(model)
    losses.compile_logits(
        trained, optimizers.build(recipe.optimizer, recipe.schedule, 10, model)
    )
    trained.run_eagerly = True  # once is sooner than compiled
    kernels = [
        variable
        for variable in trained.trainable_variables
        if variable.name == "kernel"
    ]
    before = [np.array(kernel) for kernel in kernels]
    labels = np.arange(2)
    if isinstance(trained.output, dict):
        labels = dict.fromkeys(trained.output, labels)
    rng = np.random.default_rng(0)
    for _ in range(recipe.optimizer.accumulate):
        clips = random_clips(model, 2, rng)
        found = trained.train_on_batch(clips, labels, return_dict=True)
    assert 0 < found["loss"] < 50
    still = [
        kernel.path
        for kernel, old in zip(kernels, before)
        if np.array_equal(np.array(kernel), old)
    ]
    assert kernels and not still


def test_one_rule_for_all():
    for name, recipe in recipes.RECIPES.items():
        small = tiny(recipe)
        assert Recipe.from_yaml(small.to_yaml()) == small
        assert small.name == f"{name}_tiny" and not small.reported
        assert small.summary.startswith(f"Test run (--tiny) of {name}: ")
        backbones = set(recipe_network.backbones(small).values())
        over_features = recipe_network.sees_features(recipe)
        assert backbones == (set() if over_features else TINY)
        assert small.network.head_dropout == 0
        assert small.clip["size"] == 64
        assert small.clip.get("num_segments", 1) <= 3
        start = small.initialization
        assert start.weights is None and not start.frozen
        assert not start.partial_batch_norm
        optimizer = small.optimizer
        assert optimizer.batch_size <= 8 and optimizer.accumulate <= 2
        assert optimizer.learning_rate == recipe.optimizer.learning_rate
        schedule = small.schedule
        phases = [phase.trained for phase in schedule.phases]
        assert schedule.epochs == (None if phases else 3)
        assert phases == [
            phase.trained if phase.trained == "all" else "head"
            for phase in recipe.schedule.phases
        ]
        assert {phase.epochs for phase in schedule.phases} <= {1}
        assert schedule.kind == recipe.schedule.kind
        assert small.validation == recipe.validation
        assert small.test == recipe.test


@pytest.mark.parametrize(
    "name, settings, extent",
    [
        ("scratch", [], "tiny backbones, 64 pixels, 3 epochs from random"),
        (
            "tsn_rgb_ucf101_code",
            [
                "network.arguments.backbone=resnet50",
                "initialization.weights=imagenet",
                "schedule.epochs=1",
                "clip.size=112",
            ],
            "resnet50 backbones, 112 pixels, 1 epoch from ImageNet's",
        ),
        (
            "st_resnet_ucf101",
            [
                "network.arguments.backbone={rgb: tiny, flow: resnet50}",
                "initialization.weights={rgb: run, flow: imagenet}",
                "schedule.epochs=null",
                "schedule.steps=20",
            ],
            "tiny and resnet50 backbones, 64 pixels, 20 steps from trained "
            "and ImageNet's",
        ),
        ("ts_lstm_ucf101", [], "over features, 3 epochs from random"),
        (
            "two_stream_vgg_m_2048_rgb_ucf101",
            ["schedule.phases[0].epochs=2"],
            "tiny backbones, 64 pixels, 5 epochs from random",
        ),
    ],
)
def test_what_is_rehearsed_is_told(name, settings, extent):
    """As it will be trained: settings win."""
    small = tiny(recipes.get(name), settings)
    assert small.summary == f"Test run (--tiny) of {name}: {extent} weights"
    told = dataclasses.replace(small, summary="")
    plain = tiny(recipes.get(name)).with_settings(settings)
    assert told == dataclasses.replace(plain, summary="")
    assert tiny(recipes.get(name), ["summary=Mine"]).summary == "Mine"


def test_what_is_small_already_stays():
    """Sub-batches, of which no recipe tells, and segments of one."""
    recipe = recipes.get("two_stream_vgg16_rgb_ucf101").with_settings(
        ["optimizer.sub_batch=12"]
    )
    small = tiny(recipe)
    assert small.clip["num_segments"] == 1
    assert small.optimizer.sub_batch == 4  # divides 8
    again = tiny(small)
    assert again.optimizer == small.optimizer
    assert again.network == small.network and again.clip == small.clip


def test_what_is_frozen_at_first_is_the_backbone_for_an_epoch():
    """Layers have other names in a tiny backbone."""
    recipe = recipes.get("scratch").with_settings(["schedule.freeze={fc6: 20}"])
    assert tiny(recipe).schedule.freeze == {"backbone": 1}
    recipe = recipe.with_settings(
        [
            "schedule.epochs=null",
            "schedule.freeze={}",
            "schedule.phases=[{epochs: 2, frozen: [fc6]}, {epochs: 3}]",
        ]
    )
    assert [
        (phase.trained, phase.frozen) for phase in tiny(recipe).schedule.phases
    ] == [("head", ()), ("all", ())]
