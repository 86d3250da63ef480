"""Every network of pixels is predicted as it is evaluated, by its own test,
and so are the windows of a long video."""

import functools

import numpy as np
import pytest

from keras_vidrec import applications
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts import table
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data.catalogs import catalog as catalogs
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.evaluation import evaluator
from keras_vidrec.evaluation import protocols
from keras_vidrec.evaluation.predictor import Predictor
from keras_vidrec.specs import FlowSpec
from keras_vidrec.training import recipes
from keras_vidrec.videos.frame_stream import FileStream
from keras_vidrec.weights.towers import layers_by_path
from tests.applications.joined_streams import wake
from tests.applications.own_towers import own_towers
from tests.evaluation.mean_color_network import softmax
from tests.evaluation.timeline_test import CLASSES
from tests.evaluation.timeline_test import pictures
from tests.evaluation.timeline_test import write_video

FLOW = FlowSpec("dis", bound=6)
SMALL = {"backbone": "tiny", "snippet_length": 2}
NETWORKS = {
    "TSN": {"snippet_length": 2, "modality": "rgb_diff"},
    "TwoStreamConvNet": {"snippet_length": 2},
    "TwoStreamFusion": {
        "snippet_length": 2,
        "fusion_layer": "last",
        "auxiliary_outputs": True,
    },
    "SpatiotemporalMultiplier": SMALL,
    "STResNet": {**SMALL, "auxiliary_outputs": True},
    "TSLSTM": {"num_segments": 6, "units": (5,)},
    "TemporalInception": {},
    "STFN": {"num_segments": 3},
}
WITH_TINY_TOWERS = ("SpatiotemporalMultiplier", "STResNet")
# Channels by stream, where towers may be a user's own.
CHANNELS = {
    "TSN": {"rgb_diff": 6},
    **dict.fromkeys(
        ("TwoStreamConvNet", "TwoStreamFusion"), {"rgb": 3, "flow": 4}
    ),
    **dict.fromkeys(
        ("TSLSTM", "TemporalInception", "STFN"), {"rgb": 3, "flow": 20}
    ),
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    directory = tmp_path_factory.mktemp("videos")
    for seed, name in enumerate(CLASSES):
        (directory / name).mkdir()
        write_video(directory / name / "a.avi", pictures(26, seed))
    return directory


def network(name, backbone=None, **arguments):
    if backbone is None:
        backbone = own_towers(**CHANNELS[name])
    model = getattr(applications, name)(
        classes=len(CLASSES), backbone=backbone, **arguments
    )
    wake(model)
    for path, layer in layers_by_path(model).items():
        if path.endswith("logits"):  # so that no class is certain
            layer.set_weights([0.05 * w for w in layer.get_weights()])
    layer = predictions_layer(model)
    layer.class_names = CLASSES
    frame = {"size": "short20"}
    layer.clip_spec = layer.clip_spec.changed(
        {"size": 16, "frame": frame, "flow": FLOW.to_dict()}
    )
    return model


def late_fusion():
    streams = {
        modality: network("TSN", backbone=tower, modality=modality)
        for modality, tower in own_towers(rgb=3, flow=10).items()
    }
    return applications.LateFusion(streams, {"rgb": 1, "flow": 1.5})


def flow_of_ts_lstm():
    """A single stream that is trained on t - 9 .. t, and tested where its
    features lie."""
    recipe = recipes.get("two_stream_resnet101_flow_ucf101")
    arguments = {**recipe.network.arguments, "backbone": "tiny"}
    model = network("TSN", **arguments)
    layer = predictions_layer(model)
    layer.clip_spec = layer.clip_spec.replace(
        alignment=recipe.clip["alignment"], sampling=recipe.clip["sampling"]
    )
    layer.test_protocol = recipe.test
    assert layer.clip_spec.alignment != recipe.test.alignment
    return model


OTHERS = {"LateFusion": late_fusion, "flow of TS-LSTM": flow_of_ts_lstm}


def test_no_network_is_left_out():
    assert set(NETWORKS) == set(table.BUILDERS)


@pytest.mark.parametrize("name", [*NETWORKS, *OTHERS])
def test_one_test_wherever_it_is_asked(name, videos, tmp_path, uncompiled):
    make = functools.partial(network, name, **NETWORKS.get(name, {}))
    model = OTHERS.get(name, make)()
    if name not in WITH_TINY_TOWERS:  # which take longer than all the rest
        own = protocols.own(model)
        model_file.save(model, tmp_path / "model.keras")
        model = model_file.load(tmp_path / "model.keras")
        assert protocols.own(model) == own
    source = VideoFiles(catalogs.discover(videos), FLOW)
    scores, _ = evaluator.score(model, source, [1], verbose=False)
    path = videos / scores.videos[0]
    predictor = Predictor(model)
    found = of_classes(predictor(path, top=len(CLASSES)))
    np.testing.assert_allclose(found, softmax(scores.scores[0]), atol=1e-6)
    # Neither certain nor all the same.
    assert max(found) < 0.999 and np.ptp(found) > 1e-3
    # A window is as a video of its frames alone.
    window = next(predictor.windows(FileStream(path), 2.0, 0.6))
    frames = pictures(26, CLASSES.index(path.parent.name))
    cut = write_video(tmp_path / "cut.avi", frames[: round(10 * window.end)])
    found = of_classes(predictor(cut, top=len(CLASSES)))
    np.testing.assert_allclose(window.probabilities, found, atol=1e-6)


def of_classes(prediction):
    named = dict(zip(prediction.classes, prediction.probabilities))
    return [named[name] for name in CLASSES]
