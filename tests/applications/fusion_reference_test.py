"""Two-stream fusion at every place, against NumPy where it is small."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from keras_vidrec.applications import TwoStreamFusion
from keras_vidrec.applications.two_stream_fusion import FUSIONS
from tests.applications import joined_streams
from tests.applications.joined_streams import CLASSES
from tests.applications.joined_streams import call
from tests.applications.joined_streams import clips
from tests.applications.joined_streams import softmax
from tests.applications.joined_streams import wake
from tests.applications.two_stream_fusion_test import NUM_CHUNKS
from tests.applications.two_stream_fusion_test import small

MAPS = ("relu2", "relu3", "relu4", "relu5")


def fused(fusion, spatial, temporal, layer):
    """A fusion of `(batch, times, height, width, channels)` in NumPy."""
    if fusion == "sum":
        return spatial + temporal
    if fusion == "max":
        return np.maximum(spatial, temporal)
    stacked = np.concatenate([spatial, temporal], axis=-1)
    if fusion == "concat":
        return stacked
    if fusion == "bilinear":
        products = np.einsum("bthwi,bthwj->btij", spatial, temporal)
        products = products.reshape(*products.shape[:2], -1)
        roots = np.sign(products) * np.sqrt(np.abs(products) + 1e-8)
        return roots / np.linalg.norm(roots, axis=-1, keepdims=True)
    kernel, bias = layer.get_weights()
    if fusion == "conv":
        linear = np.einsum("bthwi,ij->bthwj", stacked, kernel)
    else:
        padded = np.pad(stacked, [(0, 0), *[(1, 1)] * 3, (0, 0)])
        windows = sliding_window_view(padded, (3, 3, 3), axis=(1, 2, 3))
        linear = np.einsum(
            "bthwixyz,xyzij->bthwj", windows, kernel, optimize=True
        )
    return np.maximum(linear + bias, 0)


def pooled_over_time_and_space(x):
    """Maxima of all windows of NUM_CHUNKS x 2 x 2, stride 2, the last of
    which may hang over the border of a map."""
    height, width = x.shape[2:4]
    odd = [(0, 0), (0, 0), (0, height % 2), (0, width % 2), (0, 0)]
    x = np.pad(x, odd, constant_values=-np.inf)
    windows = sliding_window_view(x, (NUM_CHUNKS, 2, 2), axis=(1, 2, 3))
    return windows[:, ::2, ::2, ::2].max((-3, -2, -1))


def reference(model, pixels, fusion, places, pooling):
    """Logits by tower of a fused tiny network in NumPy, but for the stretches
    of its towers."""
    maps = dict(
        zip(
            ("spatiotemporal", "temporal"),
            joined_streams.scaled(pixels).values(),
        )
    )
    names = {"spatiotemporal": "rgb", "temporal": "flow"}
    known = [layer.name for layer in model.layers]

    def walk(here):
        for tower, x in maps.items():
            end = "_tower" if here is None else f"_from_{here}"
            if names[tower] + end in known and x.ndim == 5:
                part = model.get_layer(names[tower] + end)
                y = call(part, x.reshape(-1, *x.shape[2:]))
                maps[tower] = y.reshape(*x.shape[:2], *y.shape[1:])

    here = None
    for place in MAPS:
        if place in places or (place == "relu5" and pooling == "max"):
            walk(here)
            here = place
        if place in places:
            layer = model.get_layer(f"fusion_{place}")
            maps["spatiotemporal"] = fused(fusion, *maps.values(), layer)
            names = {tower: tower for tower in names}
        if place == "relu5" and pooling == "max":
            for tower, x in maps.items():
                if x.ndim == 5:
                    maps[tower] = pooled_over_time_and_space(x)
                else:
                    windows = sliding_window_view(x, NUM_CHUNKS, axis=1)
                    maps[tower] = windows[:, ::2].max(-1)
    walk(here)
    logits = {}
    for tower, x in maps.items():
        if f"{tower}_logits" in known:
            kernel, bias = model.get_layer(f"{tower}_logits").get_weights()
            features = x.mean((2, 3)) if x.ndim == 5 else x
            logits[tower] = (features @ kernel + bias).mean(1)
    if "fc8" in places:
        # Linear, so fused after the mean over time as well as before.
        stacked = np.concatenate(list(logits.values()), axis=-1)
        if fusion == "conv":
            kernel, bias = model.get_layer("fusion_fc8").get_weights()
            logits["spatiotemporal"] = stacked @ kernel + bias
        else:
            logits["spatiotemporal"] = sum(logits.values())
    return logits


def check_case(fusion, places, pooling, both):
    """The network, which gives what NumPy does."""
    model = wake(
        small(
            fusion=fusion,
            fusion_layer=places,
            temporal_pooling=pooling,
            keep_temporal_tower=both,
        )
    )
    # A window of 3 and, with stride 2, another one.
    pixels = clips(num_segments=5)
    places = (places,) if isinstance(places, str) else places
    logits = reference(model, pixels, fusion, places, pooling)
    if not both:
        logits.pop("temporal", None)
    assert len(logits) == 1 + both
    expected = softmax(sum(logits.values()) / len(logits))
    # Not all alike: 65,536 products of norm 1 leave little to differ.
    assert np.ptp(expected) > (0.005 if fusion == "bilinear" else 0.05)
    np.testing.assert_allclose(call(model, pixels), expected, atol=1e-4)
    return model


@pytest.mark.large_on_jax
@pytest.mark.parametrize(
    "fusion, places, pooling, both",
    [
        ("conv", ("relu2", "relu4", "fc8"), None, False),
        ("bilinear", "relu5", "max", True),
        ("conv3d", "relu4", "max", True),
    ],
)
def test_fusion(fusion, places, pooling, both):
    check_case(fusion, places, pooling, both)


POOLINGS_AND_TOWERS = [
    (None, True),
    ("max", True),
    (None, False),
    ("max", False),
]
# Each fusion, and each place, in all four of them.
EVERYWHERE = [
    (fusion, place, *POOLINGS_AND_TOWERS[(i + j) % 4])
    for i, fusion in enumerate(FUSIONS)
    for j, place in enumerate(MAPS)
] + [
    (fusion, places, *choice)
    for fusion in ("sum", "conv")
    for places in ("fc8", ("relu3", "relu5"), ("relu5", "fc8"), "softmax")
    for choice in POOLINGS_AND_TOWERS[: 2 if places == "softmax" else 4]
]


@pytest.mark.large
@pytest.mark.parametrize("fusion, places, pooling, both", EVERYWHERE)
def test_every_fusion_at_every_place(fusion, places, pooling, both):
    check_gradients(check_case(fusion, places, pooling, both))


def check_gradients(model):
    found = joined_streams.gradients(model, clips(4))
    for path, largest in found.items():
        assert np.isfinite(largest) and largest > 1e-6, path


@pytest.mark.large_on_jax
def test_gradients_reach_every_weight():
    check_gradients(
        wake(small(fusion="conv", fusion_layer=("relu3", "relu5", "fc8")))
    )


@pytest.mark.large
@pytest.mark.parametrize(
    "places",
    [("relu5", "fc8"), ("relu3", "relu5", "fc6"), "fc6", "fc7", "fc8"],
)
def test_vgg_m_at_fully_connected_places(places):
    """Nearly half of the weights of two towers each: nothing is saved."""
    model = TwoStreamFusion(
        backbone="vgg_m_2048",
        classes=CLASSES,
        snippet_length=2,
        fusion="conv",
        fusion_layer=places,
        num_segments=2,
        dropout=0.0,
        keep_temporal_tower=places != "fc6",
        auxiliary_outputs=True,
    )
    both = places != "fc6"
    pixels = clips(1, 2, 224)
    scores = call(model, pixels)
    if not both:
        scores = {"predictions": scores}
    assert len(scores) == 1 + 2 * both
    for x in scores.values():
        assert x.shape == (1, CLASSES)
        np.testing.assert_allclose(x.sum(-1), 1, atol=1e-5)
    for path, largest in joined_streams.gradients(model, pixels).items():
        assert np.isfinite(largest) and largest > 0, path
    for place in (places,) if isinstance(places, str) else places:
        model.get_layer(f"fusion_{place}")
