import functools

import keras
import numpy as np
import pytest

import keras_vidrec
from keras_vidrec.applications import TSN
from keras_vidrec.applications import LateFusion
from keras_vidrec.applications import late_fusion
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import clip_logits_model
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.applications.parts.head import snippet_logits_model
from keras_vidrec.evaluation.scorers.scorer import SnippetScorer
from keras_vidrec.layers import TVL1OpticalFlow
from keras_vidrec.specs import ClipSpec
from keras_vidrec.specs import FrameSpec
from tests.applications.joined_streams import call
from tests.applications.own_towers import own_towers
from tests.evaluation.mean_color_network import mean_color_network
from tests.evaluation.mean_color_network import softmax

NAMES = ("jump", "run", "walk")


def stream(modality, names=NAMES, clip=None, **arguments):
    """A small network of one modality, of other weights than the others."""
    length = 1 if modality == "rgb" else 5
    spec = ClipSpec((modality,), snippet_length=length, size=32)
    model = mean_color_network(
        names,
        classes=3,
        clip_spec=spec.replace(**(clip or {})),
        **arguments,
    )
    logits = model.get_layer("logits")
    rng = np.random.default_rng(sum(map(ord, modality)))
    logits.set_weights([rng.normal(0, 3, w.shape) for w in logits.weights])
    return model


def tsn(modality, **arguments):
    model = TSN(
        modality=modality, **{"backbone": "tiny", "classes": 3, **arguments}
    )
    layer = predictions_layer(model)
    layer.class_names = NAMES if layer.classes == 3 else None
    layer.clip_spec = layer.clip_spec.replace(size=32)
    logits = model.get_layer("logits")
    rng = np.random.default_rng(0)
    logits.set_weights([rng.normal(0, 0.1, w.shape) for w in logits.weights])
    return model


def clips(spec, num_segments=3, batch=2):
    rng = np.random.default_rng(1)
    return {
        modality: rng.integers(
            0,
            256,
            (batch, num_segments, 32, 32, spec.channels(modality)),
            "uint8",
        )
        for modality in spec.modalities
    }


@pytest.fixture(scope="module")
def networks():
    return {
        "rgb": stream("rgb", consensus="max"),
        "flow": stream("flow"),
        "warped_flow": stream("warped_flow"),
    }


@pytest.fixture(scope="module")
def fusion(networks):
    return LateFusion(networks, {"rgb": 1, "flow": 1, "warped_flow": 0.5})


def test_several_labels(networks):
    """Each class by the sigmoid of the mean logits; no thresholds."""
    several = {m: stream(m, activation="sigmoid") for m in ("rgb", "flow")}
    predictions_layer(several["rgb"]).thresholds = (0.1, 0.2, 0.3)
    fused = LateFusion(several)
    found = keras_vidrec.describe(fused)
    assert found.multi_label and found.thresholds is None
    seen = clips(found.clip_spec)
    logits = np.mean(
        [
            call(clip_logits_model(network), seen[m])
            for m, network in several.items()
        ],
        axis=0,
    )
    np.testing.assert_allclose(
        call(fused, seen), 1 / (1 + np.exp(-logits)), atol=1e-5
    )
    with pytest.raises(ValueError, match="labels a clip.*'one'.*'several'"):
        LateFusion({"rgb": networks["rgb"], "flow": several["flow"]})


def test_weighted_mean_of_the_logits(networks, fusion):
    description = keras_vidrec.describe(fusion)
    assert description.class_names == NAMES
    video = clips(description.clip_spec)
    shares = dict(zip(networks, (0.4, 0.4, 0.2)))
    for surgery in (clip_logits_model, snippet_logits_model):
        expected = sum(
            share * call(surgery(networks[m]), video[m]).astype("f8")
            for m, share in shares.items()
        )
        found = call(surgery(fusion), video)
        assert np.ptp(found) > 0.05  # not all alike
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        if surgery is clip_logits_model:
            np.testing.assert_allclose(
                call(fusion, video), softmax(expected), atol=1e-5
            )


def test_frame_wise_protocol(networks, fusion):
    """What the scorer says of the fusion, it says of the streams fused."""
    spec = keras_vidrec.describe(fusion).clip_spec
    video = {m: clip[0] for m, clip in clips(spec, 7).items()}
    expected = np.average(
        [SnippetScorer(n)(video[m]) for m, n in networks.items()],
        axis=0,
        weights=(1, 1, 0.5),
    )
    found = SnippetScorer(fusion)(dict(reversed(video.items())))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def check_saved_and_loaded(fusion, path, surgeries):
    model_file.save(fusion, path)
    loaded = model_file.load(path)
    assert loaded.name == "late_fusion"
    assert keras_vidrec.describe(loaded) == keras_vidrec.describe(fusion)
    video = clips(keras_vidrec.describe(fusion).clip_spec)
    for surgery in surgeries:
        np.testing.assert_allclose(
            call(surgery(loaded), video),
            call(surgery(fusion), video),
            rtol=1e-5,
            atol=1e-6,
        )


def test_saved_and_loaded(fusion, tmp_path):
    check_saved_and_loaded(
        fusion,
        tmp_path / "model.keras",
        (lambda model: model, clip_logits_model, snippet_logits_model),
    )


@pytest.mark.large_on_jax
def test_temporal_segment_networks(tmp_path):
    """Towers within networks within the fusion, of one name each."""
    networks = {
        modality: tsn(modality, backbone=tower)
        for modality, tower in own_towers(rgb=3, flow=10).items()
    }
    fusion = LateFusion(networks, {"flow": 1.5, "rgb": 1})
    video = clips(keras_vidrec.describe(fusion).clip_spec)
    logits = [
        call(clip_logits_model(network), video[m])
        for m, network in networks.items()
    ]
    expected = softmax(np.average(logits, axis=0, weights=(1, 1.5)))
    assert np.ptp(expected) > 0.02  # not all alike
    np.testing.assert_allclose(call(fusion, video), expected, atol=1e-5)
    check_saved_and_loaded(
        fusion, tmp_path / "model.keras", (snippet_logits_model,)
    )


def test_weights_are_shared_and_equal_by_default():
    networks = {"rgb": stream("rgb"), "rgb_diff": stream("rgb_diff")}
    fusion = LateFusion(networks, name="both")
    assert fusion.name == "both"
    assert fusion.get_layer("fusion").stream_weights == (1, 1)
    shared = {id(w) for n in networks.values() for w in n.weights}
    assert {id(w) for w in fusion.weights} == shared


def test_joint_clip_specification():
    motion = {
        "alignment": "centered",
        "num_segments": 7,
        "snippet_length": 10,
    }
    networks = {
        "flow": stream("flow", clip=motion),
        "rgb": stream("rgb"),
        "rgb_diff": stream("rgb_diff", clip=motion),
    }
    spec = keras_vidrec.describe(LateFusion(networks)).clip_spec
    assert spec.modalities == ("flow", "rgb", "rgb_diff")
    assert (spec.num_segments, spec.snippet_length) == (7, 10)
    assert (spec.alignment, spec.size) == ("centered", 32)
    assert spec.frame == FrameSpec()


def test_a_known_number_of_segments_holds_for_all():
    fixed = stream("rgb", consensus="weighted", num_segments=3)
    fusion = LateFusion({"flow": stream("flow"), "rgb": fixed})
    assert fusion.input["flow"].shape == (None, 3, None, None, 10)
    video = clips(keras_vidrec.describe(fusion).clip_spec, 5, batch=1)
    clip = {modality: images[0] for modality, images in video.items()}
    assert SnippetScorer(fusion)(clip).shape == (3,)


def unknown():
    model = stream("rgb")
    predictions_layer(model).clip_spec = None
    return model


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: {"rgb": stream("rgb")}, "at least two networks"),
        (lambda: [stream("rgb"), stream("flow")], "dict of at least two"),
        (
            lambda: {"rgb": stream("rgb"), "depth": stream("flow")},
            "Received: 'depth'",
        ),
        (
            lambda: {"rgb": stream("rgb"), "warped_flow": stream("flow")},
            r"takes warped_flow.*'mean_color' with \('flow',\)",
        ),
        (
            lambda: {"rgb": unknown(), "flow": stream("flow")},
            "with no clip specification",
        ),
        (
            lambda: {
                "rgb": stream("rgb"),
                "rgb_diff": tsn("rgb_diff", include_preprocessing=False),
            },
            r"width, 18\) of raw pixels.*15",
        ),
        (
            lambda: {
                "rgb": stream("rgb"),
                "flow": stream("flow", names=NAMES[::-1]),
            },
            "same class_names",
        ),
        (
            lambda: {
                "rgb": stream("rgb", names=None),
                "flow": tsn("flow", classes=5),
            },
            "same number of classes",
        ),
        (
            lambda: {
                "flow": stream("flow"),
                "warped_flow": stream(
                    "warped_flow", clip={"snippet_length": 10}
                ),
            },
            "same snippet_length.*10",
        ),
        (
            lambda: {
                "rgb": stream("rgb"),
                "flow": stream("flow", clip={"sampling": "uniform"}),
            },
            "same sampling",
        ),
        (
            lambda: {
                "flow": stream("flow", clip={"flow": {"method": "dis"}}),
                "warped_flow": stream("warped_flow"),
            },
            "same flow.*dis",
        ),
        (
            lambda: {
                "rgb": stream("rgb", num_segments=3),
                "flow": stream("flow", num_segments=5),
            },
            "same number of segments",
        ),
    ],
)
def test_what_does_not_fit(make, message):
    with pytest.raises(ValueError, match=message):
        LateFusion(make())


def test_wrong_weights_and_foreign_networks(networks):
    two = {"rgb": 1, "flow": 1}
    for weights in (
        2,
        (1, 1, 1),
        two,
        *({**two, "warped_flow": w} for w in (0, -1)),
    ):
        with pytest.raises(ValueError, match="Received: fusion_weights="):
            LateFusion(networks, weights)
    x = keras.Input((3,))
    mine = keras.Model(x, keras.layers.Dense(2)(x), name="mine")
    with pytest.raises(ValueError, match="Received: model='mine'"):
        LateFusion({"rgb": mine, "flow": mine})


def moving(num_segments, snippet_length):
    """Frames of a smooth pattern that moves by (2, 1) pixels a frame."""
    y, x = np.mgrid[:32, :32]
    frames = []
    for t in range(snippet_length + 1):
        waves = np.sin((x - 2 * t) / 3) + np.cos((y - t) / 4)
        frames.append(np.stack([50 * waves, 40 * waves, 20 * waves], axis=-1))
    snippet = np.concatenate(frames, axis=-1) + 120
    clip = np.repeat(snippet[None, None], num_segments, axis=1)
    return np.clip(clip, 0, 255).astype("uint8")


def from_frames(alignment, layer):
    """A fusion that makes flow of frames; frames, and the logits expected."""
    # Crops of 28 pixels are cut from frames of 32: motion keeps its size.
    still = {"size": 28, "frame": {"size": "short32"}}
    clip = {**still, "snippet_length": 2, "alignment": alignment}
    networks = {
        "flow": stream("flow", clip={**clip, "flow": {"bound": 4}}),
        "rgb": stream("rgb", clip=still),
        "rgb_diff": stream("rgb_diff", clip=clip),
    }
    fusion = LateFusion(
        networks,
        {"flow": 1.5, "rgb": 1, "rgb_diff": 0.5},
        flow_from="rgb",
    )
    spec = keras_vidrec.describe(fusion).clip_spec
    assert (spec.modalities, spec.snippet_length) == (("rgb_diff",), 2)
    assert fusion.input.name == "rgb" and fusion.input.shape[-1] == 9
    frames = moving(2, 2)
    flow = layer(frames)
    assert flow.mean(axis=(0, 1, 2, 3))[0] > 135  # it moves to the right
    place = 3 * (alignment == "centered")
    clips = {
        "flow": flow.astype("uint8"),
        "rgb": frames[..., place : place + 3],
        "rgb_diff": frames,
    }
    logits = [
        clip_logits_model(network)(clips[m]) for m, network in networks.items()
    ]
    expected = np.average(
        [keras.ops.convert_to_numpy(one) for one in logits],
        axis=0,
        weights=(1.5, 1, 0.5),
    )
    return fusion, frames, expected


def as_function(**parameters):
    """Coded flow of frames, by the layer alone."""
    frames = keras.Input((None, None, None, 9))
    flow = TVL1OpticalFlow(bound=4, **parameters)(frames)
    model = keras.Model(frames, flow)
    return lambda clip: call(model, clip)


@pytest.mark.parametrize("alignment", ["forward", "centered"])
@pytest.mark.large_on_jax
def test_flow_is_made_inside(alignment, monkeypatch):
    few = {
        "scales": 1,
        "warps": 1,
        "outer_iterations": 2,
        "inner_iterations": 10,
    }
    monkeypatch.setattr(
        late_fusion,
        "TVL1OpticalFlow",
        functools.partial(TVL1OpticalFlow, **few),
    )
    fusion, frames, expected = from_frames(alignment, as_function(**few))
    np.testing.assert_allclose(
        call(clip_logits_model(fusion), frames),
        expected,
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    "size, frame, bound",
    [
        (224, "short256", 20),
        (112, "short256", 10),  # half the size, half the motion
        (112, "short128", 20),
        (224, "340x256", 20),
        (224, "170x128", 40),
    ],
)
def test_motion_is_coded_as_in_training(size, frame, bound):
    clip = {"size": size, "frame": {"size": frame}}
    networks = {
        "rgb": stream("rgb", clip=clip),
        "flow": stream("flow", clip={**clip, "snippet_length": 2}),
    }
    layer = LateFusion(networks, flow_from="rgb").get_layer("optical_flow")
    assert layer.bound == pytest.approx(bound)


@pytest.mark.large
def test_flow_made_inside_is_saved_and_loaded(tmp_path):
    fusion, frames, expected = from_frames("forward", as_function())
    np.testing.assert_allclose(
        SnippetScorer(fusion)(frames[0]), expected[0], rtol=1e-4, atol=1e-4
    )
    path = tmp_path / "model.keras"
    model_file.save(fusion, path)
    np.testing.assert_allclose(
        call(model_file.load(path), frames),
        softmax(expected),
        atol=1e-4,
    )


@pytest.mark.parametrize(
    "streams, clip, flow_from, message",
    [
        (("rgb", "flow"), {}, "frames", "flow_from='frames'"),
        (("flow", "rgb_diff"), {}, "rgb", r"\('flow', 'rgb_diff'\)"),
        (("rgb", "rgb_diff"), {}, "rgb", r"\('rgb', 'rgb_diff'\)"),
        (("rgb", "flow", "warped_flow"), {}, "rgb", "no warped_flow"),
        (("rgb", "flow"), {"flow": {"method": "dis"}}, "rgb", "method='dis'"),
    ],
)
def test_what_flow_is_not_made_from(streams, clip, flow_from, message):
    networks = {
        modality: stream(modality, clip=clip if modality == "flow" else {})
        for modality in streams
    }
    with pytest.raises(ValueError, match=message):
        LateFusion(networks, flow_from=flow_from)
