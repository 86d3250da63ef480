"""Each network on any backend: built, shown clips, trained for a step, saved
and loaded."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vidrec import applications
from tests.applications.own_towers import own_towers

CLASSES = 3
TOWERS = {"classes": CLASSES, "backbone": "tiny", "snippet_length": 2}
FEATURES = {"classes": CLASSES, "features": 16}


def late_fusion():
    return applications.LateFusion(
        {
            stream: applications.TSN(
                classes=CLASSES, backbone=tower, modality=stream, name=stream
            )
            for stream, tower in own_towers(rgb=3, flow=10).items()
        }
    )


def two_streams(builder, **arguments):
    return builder(
        **{**TOWERS, "backbone": own_towers(rgb=3, flow=4), **arguments}
    )


NETWORKS = {
    "tsn": lambda: applications.TSN(
        classes=CLASSES, backbone=own_towers(rgb=3)["rgb"]
    ),
    "tsn_rgb_diff": lambda: applications.TSN(
        classes=CLASSES,
        backbone=own_towers(rgb_diff=6)["rgb_diff"],
        modality="rgb_diff",
        snippet_length=2,
    ),
    "two_stream_convnet": lambda: two_streams(applications.TwoStreamConvNet),
    "two_stream_fusion": lambda: two_streams(
        applications.TwoStreamFusion, fusion_layer="last"
    ),
    "fusion_of_scores": lambda: two_streams(
        applications.TwoStreamFusion,
        fusion="conv",
        fusion_layer=("last", "fc8"),
    ),
    "st_resnet": lambda: applications.STResNet(**TOWERS),
    "spatiotemporal_multiplier": lambda: applications.SpatiotemporalMultiplier(
        **TOWERS
    ),
    "stfn": lambda: applications.STFN(**FEATURES),
    "stfn_b": lambda: applications.STFN(**FEATURES, variant="b"),
    "ts_lstm": lambda: applications.TSLSTM(**FEATURES),
    "temporal_inception": lambda: applications.TemporalInception(
        **FEATURES, num_layers=2
    ),
    "late_fusion": late_fusion,
}

# Compiling costs several times all the rest; one network of each kind is, of
# images, with memory, and of filters over time, and every layer by its
# contract.
COMPILED = ("tsn", "ts_lstm", "temporal_inception")


def clips(model, batch=2):
    """Random pixels, or features, of the shape that the network wants."""
    rng = np.random.default_rng(0)

    def values(tensor):
        free = (7,) if tensor.ndim == 3 else (5, 32, 32)
        shape = tensor.shape[1:-1]
        shape = [n or m for n, m in zip(shape, free, strict=True)]
        shape = (batch, *shape, tensor.shape[-1])
        if tensor.ndim == 3:
            return rng.gamma(1.0, size=shape).astype("float32")
        return rng.integers(0, 256, shape, "uint8")

    return keras.tree.map_structure(values, model.input)


def scores(model, inputs):
    return ops.convert_to_numpy(model(inputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_built_trained_saved_and_loaded(name, tmp_path):
    model = NETWORKS[name]()
    inputs = clips(model)
    start = scores(model, inputs)
    assert start.shape == (2, CLASSES)
    np.testing.assert_allclose(start.sum(axis=-1), 1, atol=1e-5)
    before = [ops.convert_to_numpy(w).copy() for w in model.weights]
    model.compile(
        keras.optimizers.SGD(0.01),
        "sparse_categorical_crossentropy",
        run_eagerly=name not in COMPILED,
    )
    log = model.fit(inputs, np.arange(2), batch_size=2, verbose=0).history
    assert np.isfinite(log["loss"]).all()
    after = [ops.convert_to_numpy(w) for w in model.weights]
    assert all(np.isfinite(w).all() for w in after)
    assert any((a != b).any() for a, b in zip(after, before, strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        scores(loaded, inputs), scores(model, inputs), atol=1e-6
    )
