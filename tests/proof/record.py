"""Records what the package computes, to prove that a rebuilt one computes it
too.

    python tests/proof/record.py OUT.json

writes one JSON file of networks, recipes, clips, a training and its
evaluation, on TensorFlow on the CPU and always the same on one machine.
`compare.py` compares two of them. All names of the package stand in the first
section: after a change of names adapt nothing but that.
"""

import os

# Before any backend is imported.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hashlib
import json
import pathlib
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_vidrec import applications
from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data import synthetic
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.preparing import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation import evaluator
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FlowSpec
from keras_vidrec.training import recipes as package_recipes
from keras_vidrec.training import trainer
from keras_vidrec.training.recipes import tiny

# The names of the package: all that this script uses of it.

PIXELS = {"backbone": "tiny", "classes": 3, "snippet_length": 2}
FEATURES = {"features": 16, "classes": 5}
# By name: builder and arguments.
APPLICATIONS = {
    "TSN": ("TSN", {"backbone": "tiny", "classes": 3}),
    "TSN_rgb_diff": (
        "TSN",
        {
            **PIXELS,
            "modality": "rgb_diff",
            "consensus": "max",
            "classifier_activation": None,
        },
    ),
    "TSN_flow": (
        "TSN",
        {
            **PIXELS,
            "modality": "flow",
            "num_segments": 2,
            "consensus": "weighted",
        },
    ),
    "TwoStreamConvNet": ("TwoStreamConvNet", PIXELS),
    "TwoStreamFusion": ("TwoStreamFusion", {**PIXELS, "num_segments": 2}),
    "SpatiotemporalMultiplier": (
        "SpatiotemporalMultiplier",
        {**PIXELS, "num_segments": 2},
    ),
    "SpatiotemporalMultiplier_both": (
        "SpatiotemporalMultiplier",
        {**PIXELS, "num_segments": 2, "direction": "both"},
    ),
    "STResNet": ("STResNet", {**PIXELS, "num_segments": 2}),
    "TSLSTM": ("TSLSTM", {**FEATURES, "units": (8,)}),
    "TemporalInception": ("TemporalInception", {**FEATURES, "fc_units": 12}),
    "STFN": ("STFN", FEATURES),
    "STFN_towers": (
        "STFN",
        {"backbone": "tiny", "classes": 5},
    ),
}
# By name: backbone, modality and size of the images.
BACKBONES = {
    "tiny": ("tiny", "rgb", 64),
    "bn_inception": ("bn_inception", "rgb", 64),
    "bn_inception_flow": ("bn_inception", "flow", 64),
    "resnet50_pytorch": ("resnet50", "rgb", 64),
    "resnet50_caffe": ("resnet50_caffe", "rgb", 64),
    "resnet50_msra": ("resnet50_msra", "rgb", 64),
    "resnet101_pytorch": ("resnet101", "rgb", 64),
    "resnet152_pytorch": ("resnet152", "rgb", 64),
    "inception_v3": ("inception_v3", "rgb", 96),
    "vgg16": ("vgg16", "rgb", 224),
    "vgg_m_2048": ("vgg_m_2048", "rgb", 224),
    "vgg_m_2048_flow": ("vgg_m_2048", "flow", 224),
    "googlenet": ("googlenet", "rgb", 64),
}
DIS = {"method": "dis", "bound": 4.0}
# As large as the videos: nothing is resized before the crops.
FRAME = {"size": "short32"}
# By name: specification of the clips, arguments in testing.
CLIPS = {
    "rgb": ({"modalities": ["rgb"]}, {}),
    "rgb_ten_crops": (
        {"modalities": ["rgb"], "sampling": "tsn_pytorch"},
        {"crops": "ten", "mode": "test"},
    ),
    "rgb_diff": (
        {"modalities": ["rgb_diff"], "snippet_length": 2},
        {"num_segments": 3},
    ),
    "flow": ({"modalities": ["flow"], "snippet_length": 3, "flow": DIS}, {}),
    "chunks": (
        {
            "modalities": ["rgb", "flow"],
            "snippet_length": 2,
            "alignment": "centered",
            "sampling": "chunks",
            "stride": [1, 4],
            "flow": DIS,
        },
        {"num_clips": 2, "mode": "test"},
    ),
}
# By name: recipe and settings of its rehearsal. Each trains within seconds.
TRAINED = {
    "quickstart_rgb": (
        "quickstart_rgb",
        ["schedule.epochs=2", "network.head_dropout=0.3"],
    ),
    "st_resnet": (
        "st_resnet_scratch",
        ["schedule.epochs=1", "clip.size=32", "validation.fraction=0.0"],
    ),
}


def build_application(name, arguments):
    return getattr(applications, name)(**arguments)


def build_late_fusion():
    streams = {
        modality: applications.TSN(
            backbone="tiny", modality=modality, classes=3
        )
        for modality in ("rgb", "flow")
    }
    return applications.LateFusion(
        streams, fusion_weights={"rgb": 1.0, "flow": 1.5}
    )


def build_on_backbone(backbone, modality):
    return applications.TSN(
        backbone=backbone,
        modality=modality,
        classes=6,
        classifier_activation=None,
    )


def all_recipes():
    return package_recipes.RECIPES


def generate_videos(directory):
    return synthetic.generate(
        directory,
        train_groups=2,
        test_groups=1,
        clips_per_group=1,
        size=(32, 40),
        num_frames=12,
    )


def prepare_videos(videos, directory):
    preparation = Preparation(
        flow=DIS["method"], bound=DIS["bound"], size=FRAME["size"]
    )
    prepare.prepare(catalog.discover(videos), directory, preparation, workers=1)


def open_source(directory):
    """A source, and its parts for training and testing."""
    flow = FlowSpec(**DIS)
    opened = opening.open_dataset(directory, flow=flow)
    split = opened.catalog.splits[1]
    return opened.source, split.train, split.test


def make_clips(source, spec, part, **arguments):
    spec = ClipSpec(**{"size": 24, "num_segments": 2, "frame": FRAME, **spec})
    return pipeline.make(source, spec, part, batch_size=4, **arguments)


def train(recipe, settings, data, directory):
    """Trains a rehearsal; returns the directory of the run and the network."""
    recipe = package_recipes.get(recipe).with_data(directory=data)
    recipe = tiny.tiny(recipe, settings)
    run = trainer.train(
        recipe, directory, verbose=0, distribute="none", deterministic=True
    )
    return run.path, run.load_model()


def evaluate(run):
    return evaluator.evaluate(run)[1]


# What is recorded.


def rounded(values, digits=6):
    """Numbers to so many significant digits; of many numbers the first, the
    mean and the standard deviation."""
    values = np.asarray(values, np.float64)
    flat = values.ravel()
    if flat.size > 64:
        flat = np.array([*flat[:16], flat.mean(), flat.std()])
    return {
        "shape": list(values.shape),
        "values": [float(f"{x:.{digits}g}") for x in flat],
    }


def floating(model):
    """The weights of a network in their order, without states of dropout."""
    return [w for w in model.weights if "float" in str(w.dtype)]


def set_weights(model):
    """Weights that follow from position, shape and kind alone."""
    for position, weight in enumerate(floating(model)):
        shape = tuple(weight.shape)
        rng = np.random.RandomState((position, *shape))
        value = rng.standard_normal(shape)
        if weight.path.endswith(("gamma", "variance")):
            value = np.abs(0.5 * value) + 0.5
        elif len(shape) > 1:
            value /= np.sqrt(np.prod(shape[:-1]))
        else:
            value *= 0.05
        weight.assign(value.astype("float32"))


def inputs_of(model, size):
    """Whole numbers: pixels of 2 segments at least, or features."""

    def draw(seed, shape):
        rng = np.random.RandomState(seed)
        if len(shape) == 5:
            known = (2, shape[1] or 2, size, size, shape[4])
            return rng.randint(0, 256, known).astype("float32")
        return rng.randint(0, 6, (2, shape[1] or 7, shape[2])).astype("float32")

    if not isinstance(model.input, dict):
        return draw(0, model.input.shape)
    return {
        name: draw(seed, model.input[name].shape)
        for seed, name in enumerate(sorted(model.input))
    }


def network(model, size):
    set_weights(model)
    outputs = model(inputs_of(model, size), training=False)
    shapes = [tuple(weight.shape) for weight in model.weights]
    record = {
        "parameters": sum(int(np.prod(w.shape)) for w in floating(model)),
        "shapes": [str(shape) for shape in sorted(shapes)],
        "outputs": [
            rounded(x)
            for x in keras.tree.flatten(
                keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
            )
        ],
    }
    keras.utils.clear_session()
    return record


def networks():
    found = {"applications": {}, "backbones": {}}
    for key, (name, arguments) in APPLICATIONS.items():
        model = build_application(name, arguments)
        found["applications"][key] = network(model, 32)
    found["applications"]["LateFusion"] = network(build_late_fusion(), 32)
    for key, (*arguments, size) in BACKBONES.items():
        found["backbones"][key] = network(build_on_backbone(*arguments), size)
    return found


def recipes():
    return {name: recipe.to_dict() for name, recipe in all_recipes().items()}


def batch(inputs, labels, *weights):
    inputs = inputs if isinstance(inputs, dict) else {"input": inputs}
    return {
        "labels": labels.tolist(),
        "weights": [weight.tolist() for weight in weights],
        **{
            name: {
                "shape": list(clip.shape),
                "dtype": str(clip.dtype),
                "sha256": hashlib.sha256(clip.tobytes()).hexdigest(),
            }
            for name, clip in inputs.items()
        },
    }


def clips(directory):
    """The first three batches of training and of testing."""
    source, training, test = open_source(directory)
    found = {}
    for key, (spec, protocol) in CLIPS.items():
        if not set(spec["modalities"]) <= set(source.modalities):
            continue
        for part, dataset in (
            ("train", make_clips(source, spec, training, training=True)),
            (
                "test",
                make_clips(source, spec, test, training=False, **protocol),
            ),
        ):
            found[f"{key}_{part}"] = [
                batch(*values) for values in dataset.take(3).as_numpy_iterator()
            ]
    return found


def training(model):
    return [
        {
            "shape": list(weight.shape),
            "mean": float(f"{values.mean():.6g}"),
            "std": float(f"{values.std():.6g}"),
            "first": float(f"{values.ravel()[0]:.6g}"),
        }
        for weight in floating(model)
        for values in [keras.ops.convert_to_numpy(weight).astype("float64")]
    ]


def evaluation(scores):
    return {
        "videos": list(scores.videos),
        "classes": list(scores.classes),
        "labels": scores.labels.tolist(),
        "scores": np.round(scores.scores.astype("float64"), 5).tolist(),
    }


def record(directory):
    videos = generate_videos(directory / "videos")
    prepare_videos(videos, directory / "prepared")
    found = {
        "recipes": recipes(),
        "clips": {
            "videos": clips(videos),
            "prepared": clips(directory / "prepared"),
        },
        "training": {},
        "evaluation": {},
    }
    for key, (recipe, settings) in TRAINED.items():
        run, model = train(
            recipe, settings, directory / "prepared", directory / key
        )
        found["training"][key] = training(model)
        found["evaluation"][key] = evaluation(evaluate(run))
        keras.utils.clear_session()
    return {**found, "networks": networks()}


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    tf.config.experimental.enable_op_determinism()
    with tempfile.TemporaryDirectory() as temporary:
        content = record(pathlib.Path(temporary))
    text = json.dumps(content, indent=1, sort_keys=True)
    pathlib.Path(sys.argv[1]).write_text(text + "\n")
