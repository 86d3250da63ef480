"""Which networks know what came first: the generated set's kind "order"."""

import csv

import numpy as np
import pytest

from keras_vidrec.data import opening
from keras_vidrec.data import synthetic
from keras_vidrec.data.catalogs import catalog
from keras_vidrec.data.preparing.prepare import prepare
from keras_vidrec.data.preparing.video import Preparation
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import feature_extraction
from keras_vidrec.evaluation.scores.metrics import top_k_accuracy
from keras_vidrec.training import recipes
from keras_vidrec.training import trainer

pytestmark = [pytest.mark.large, pytest.mark.tensorflow_only]

# One snippet of each third of a video: none shows a change of motion.
ONE_OF_EACH_THIRD = (
    "clip.sampling=tsn_caffe",
    "clip.stride=null",
    "clip.alignment=forward",
    "clip.num_segments=3",
    "network.arguments.snippet_length=5",
    "test.num_segments=3",
    "test.num_clips=1",
)
SMALL = (
    "clip.size=64",
    "clip.crop.scales=[1.0]",
    "augmentation.flip=false",  # left and right are classes
    "network.head_dropout=0.3",
    "optimizer.batch_size=16",
    "optimizer.learning_rate=3e-3",
    "optimizer.weight_decay=0.0",
    "schedule.epochs=10",
)


WAYS = ("Down", "Left", "Right", "Up")
FLOW = "clip.flow={method: dis, bound: 4.0}"
# Of networks over features of flow, on the grid of 25 frames.
OVER_FEATURES = (
    "network.arguments.streams=[flow]",
    "optimizer.batch_size=16",
    "optimizer.learning_rate=1e-3",
    "optimizer.weight_decay=0.0",
    "schedule.epochs=20",
    "schedule.kind=cosine",
    "schedule.boundaries=[]",
    "schedule.early_stop=null",
    "validation.fraction=0",
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return synthetic.generate(
        tmp_path_factory.mktemp("videos"),
        train_groups=12,
        test_groups=3,
        clips_per_group=4,
    )


def prepared(videos, classes, root):
    """The videos of some classes, with their flow."""
    lists = videos / "ucfTrainTestlist"
    for_test = {*(lists / "testlist01.txt").read_text().split()}
    with open(root / "list.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "split"])
        for name in classes:
            for path in (videos / name).glob("*.avi"):
                clip = f"{name}/{path.name}"
                part = "test" if clip in for_test else "train"
                writer.writerow([clip, name, path.stem.split("_")[2], part])
    prepare(
        catalog.from_list(root / "list.csv", videos),
        root / "prepared",
        Preparation(flow="dis", bound=4.0, size="short64"),
    )
    return root / "prepared"


@pytest.fixture(scope="module")
def ordered_events(videos, tmp_path_factory):
    """The four classes of two ordered pairs, prepared."""
    classes = [
        name for name, kind in synthetic.KINDS.items() if kind == "order"
    ]
    return prepared(videos, classes, tmp_path_factory.mktemp("order"))


@pytest.fixture(scope="module")
def motion(videos, tmp_path_factory):
    """Run of a flow network that knows the single events."""
    out = tmp_path_factory.mktemp("motion")
    data = prepared(videos, [f"Move{way}" for way in WAYS], out)
    recipe = recipes.get("quickstart_flow").with_data(directory=data)
    recipe = recipe.with_settings([FLOW, "schedule.epochs=6"])
    return trainer.train(recipe, out / "run", verbose=0)


@pytest.fixture(scope="module")
def features(motion, ordered_events, tmp_path_factory):
    """What that network sees in the ordered events."""
    out = tmp_path_factory.mktemp("features")
    feature_extraction.extract(
        {"flow": motion.load_model()},
        opening.open_dataset(ordered_events),
        out,
        verbose=False,
    )
    return out


def scores_of(recipe, settings, data, out):
    recipe = recipes.get(recipe).with_data(directory=data)
    trainer.train(recipe.with_settings(settings), out, verbose=0)
    _, scores = evaluator.evaluate(out, verbose=False)
    assert len(scores.labels) == 48
    return scores


def accuracy(recipe, settings, data, out):
    scores = scores_of(recipe, settings, data, out)
    return top_k_accuracy(scores.scores, scores.labels)


@pytest.mark.parametrize("recipe", ["st_multiplier", "st_resnet"])
def test_filters_over_time_tell_the_order(recipe, ordered_events, tmp_path):
    settings = [
        *ONE_OF_EACH_THIRD,
        *SMALL,
        "network.arguments.num_segments=3",
    ]
    assert (
        accuracy(f"{recipe}_scratch", settings, ordered_events, tmp_path) >= 0.9
    )


def test_late_fusion_does_not(ordered_events, tmp_path):
    """It finds the pair of events, and guesses which came first."""
    settings = [
        *ONE_OF_EACH_THIRD,
        *SMALL,
        "network.arguments.fusion_layer=softmax",
        "network.arguments.temporal_pooling=null",
    ]
    share = accuracy(
        "two_stream_fusion_scratch", settings, ordered_events, tmp_path
    )
    assert 0.3 <= share <= 0.7


@pytest.mark.parametrize(
    "recipe, settings",
    [
        ("ts_lstm_ucf101", ["network.arguments.units=[64]"]),
        ("temporal_inception_ucf101", ["network.arguments.fc_units=64"]),
        ("stfn_stage1_features_ucf101", []),
    ],
)
def test_networks_over_features_tell_the_order(
    recipe, settings, features, tmp_path
):
    settings = [*OVER_FEATURES, *settings]
    assert accuracy(recipe, settings, features, tmp_path) >= 0.9


def test_average_consensus_of_the_same_features_does_not(
    motion, ordered_events, tmp_path
):
    """It knows both events, and guesses which came first."""
    settings = [
        FLOW,
        "initialization.frozen=[flow]",
        f"initialization.weights={motion.path}",
        "schedule.epochs=6",
    ]
    scores = scores_of("quickstart_flow", settings, ordered_events, tmp_path)
    assert scores.classes[0] == "DownThenRight"
    assert scores.classes[2] == "RightThenDown"
    found = scores.scores.argmax(axis=1)
    assert np.mean(found % 2 == np.array(scores.labels) % 2) >= 0.9
    assert 0.3 <= top_k_accuracy(scores.scores, scores.labels) <= 0.7
