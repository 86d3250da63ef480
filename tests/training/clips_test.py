import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.training import dataset
from keras_vidrec.training import recipes


def network(classes=12):
    return keras_vidrec.applications.TSN(
        classes=classes, backbone="tiny", input_shape=(2, 32, 32, 3)
    )


def test_the_clips_of_the_pipeline(small_videos):
    """Those that the pipeline makes of the parts of `vidrec train scratch`,
    in a dataset that `fit` takes; the network learns the names."""
    model = network()
    made = keras_vidrec.clips(small_videos, model, batch_size=5, seed=3)
    parts = dataset.load(
        recipes.get("scratch").with_data(directory=small_videos)
    )
    assert made.steps == -(-len(parts.train) // 5)
    assert made.class_names == tuple(parts.source.classes)
    assert keras_vidrec.describe(model).class_names == made.class_names
    expected = pipeline.make(
        opening.open_dataset(small_videos, images_only=True).source,
        keras_vidrec.describe(model).clip_spec,
        parts.train,
        training=True,
        batch_size=5,
        seed=3,
    )
    for one, other in zip(made.dataset.take(3), expected.take(3)):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    model.compile("sgd", "sparse_categorical_crossentropy")
    test = keras_vidrec.clips(small_videos, model, "test", batch_size=5)
    model.fit(
        made.dataset,
        steps_per_epoch=1,
        validation_data=test.dataset,
        shuffle=False,
        verbose=0,
    )
    seen = np.concatenate([batch[1] for batch in test.dataset])
    np.testing.assert_array_equal(
        seen, np.asarray(parts.source.labels)[list(parts.test)]
    )


def test_what_does_not_belong_together(small_videos):
    with pytest.raises(ValueError, match="network of 12 classes.*of 5"):
        keras_vidrec.clips(small_videos, network(5))
    model = network()
    names = tuple(f"class {number}" for number in range(12))
    model.get_layer("predictions").class_names = names
    with pytest.raises(ValueError, match="'class 0'.*Received: .*Move"):
        keras_vidrec.clips(small_videos, model)
    with pytest.raises(ValueError, match="Invalid `part`"):
        keras_vidrec.clips(small_videos, network(), "val")
    with pytest.raises(ValueError, match="`predictions`"):
        keras_vidrec.clips(small_videos, keras.Sequential())
    with pytest.raises(ValueError, match="no_such_place"):
        keras_vidrec.clips("no_such_place", network())


def test_videos_of_several_classes(small_videos, tmp_path):
    """They have as many labels as classes, of which a softmax has but one."""
    files = sorted(small_videos.glob("*/*.avi"))
    lines = ["path,label"]
    for number, file in enumerate(files):
        label = ("up", "down;up", "down")[number % 3]
        lines.append(f"{file.relative_to(small_videos)},{label}")
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(lines))
    data = {"directory": small_videos, "list": listed}
    with pytest.raises(ValueError, match="`model`.*sigmoid.*with a softmax"):
        keras_vidrec.clips(data, network(2))
    model = keras_vidrec.applications.TSN(
        classes=2,
        backbone="tiny",
        input_shape=(2, 32, 32, 3),
        classifier_activation="sigmoid",
    )
    made = keras_vidrec.clips(data, model)
    ((_, labels),) = made.dataset.take(1)
    assert labels.shape == (8, 2) and labels.dtype == "float32"
    model.compile("sgd", "binary_crossentropy")
    model.fit(made.dataset, steps_per_epoch=1, shuffle=False, verbose=0)


def test_where_nothing_is():
    with pytest.raises(ValueError, match="Invalid `data`.*existing directory"):
        keras_vidrec.clips("nope", network())
