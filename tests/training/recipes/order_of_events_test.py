"""Which networks know what came first: the generated set's kind "order"."""

import csv

import pytest

from keras_vidrec.data import catalog
from keras_vidrec.data import synthetic
from keras_vidrec.data.prepare import prepare
from keras_vidrec.data.prepared_video import Preparation
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation.metrics import top_k_accuracy
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
    "clip.crop_scales=[1.0]",
    "augmentation.flip=false",  # left and right are classes
    "network.arguments.dropout=0.3",
    "optimiser.batch_size=16",
    "optimiser.learning_rate=3e-3",
    "optimiser.weight_decay=0.0",
    "schedule.epochs=10",
)


@pytest.fixture(scope="module")
def ordered_events(tmp_path_factory):
    """The four classes of two ordered pairs, prepared."""
    root = tmp_path_factory.mktemp("order")
    videos = synthetic.generate(
        root / "videos", train_groups=12, test_groups=3, clips_per_group=4
    )
    lists = videos / "ucfTrainTestlist"
    tested = {*(lists / "testlist01.txt").read_text().split()}
    with open(root / "order.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "group", "split"])
        for name, kind in synthetic.KINDS.items():
            for path in (
                (videos / name).glob("*.avi") if kind == "order" else ()
            ):
                clip = f"{name}/{path.name}"
                part = "test" if clip in tested else "train"
                writer.writerow([clip, name, path.stem.split("_")[2], part])
    prepare(
        catalog.from_list(root / "order.csv", videos),
        root / "prepared",
        Preparation(flow="dis", bound=4.0, size="short64"),
    )
    return root / "prepared"


def accuracy(recipe, settings, data, out):
    recipe = recipes.get(recipe).with_data(directory=data)
    recipe = recipe.with_settings([*ONE_OF_EACH_THIRD, *SMALL, *settings])
    trainer.train(recipe, out, verbose=0)
    _, scores = evaluator.evaluate(out, verbose=False)
    assert len(scores.labels) == 48
    return top_k_accuracy(scores.scores, scores.labels)


@pytest.mark.parametrize("recipe", ["st_multiplier", "st_resnet"])
def test_filters_over_time_tell_the_order(recipe, ordered_events, tmp_path):
    settings = ["network.arguments.num_chunks=3"]
    assert (
        accuracy(f"{recipe}_scratch", settings, ordered_events, tmp_path) >= 0.9
    )


def test_late_fusion_does_not(ordered_events, tmp_path):
    """It finds the pair of events, and guesses which came first."""
    settings = [
        "network.arguments.fusion_layer=softmax",
        "network.arguments.temporal_pooling=2d",
    ]
    share = accuracy(
        "two_stream_fusion_scratch", settings, ordered_events, tmp_path
    )
    assert 0.3 <= share <= 0.7
