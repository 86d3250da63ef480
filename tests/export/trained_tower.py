"""A network with convolutions that knows some of its videos."""

import keras
import numpy as np

from keras_vidrec.applications import TSN
from keras_vidrec.applications.parts.head import predictions_layer
from keras_vidrec.data import synthetic
from keras_vidrec.export import Background
from keras_vidrec.export import endpoint as endpoints
from keras_vidrec.export.samples import Samples
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.training import recipes


def trained_tower(videos):
    """The network, whose classifier is worked out from its features of the
    training videos, and its `Background`."""
    # Fixtures are made before the seed of each test is set.
    keras.utils.set_random_seed(0)
    recipe = recipes.get("quickstart_rgb").with_data(directory=str(videos))
    model = TSN(backbone="tiny", classes=len(synthetic.KINDS))
    layer = predictions_layer(model)
    layer.class_names = tuple(synthetic.KINDS)
    layer.clip_spec = layer.clip_spec.replace(
        size=32, frame=FrameSpec("short40")
    )
    layer.test_protocol = Protocol(num_segments=4, crops="frame")
    features = keras.Model(model.input, model.get_layer("logits").input)
    rows, labels = [], []
    for clips, label in Samples(endpoints.of_clips(model), recipe):
        (clip,) = clips.values()
        rows.append(np.reshape(features(clip), (3, -1)).mean(0))
        labels.append(label)
    rows = np.array(rows)
    middle, spread = rows.mean(0), rows.std()
    rows = (rows - middle) / spread
    # Of a ridge: small weights, which rounding cannot upset.
    inverse = np.linalg.inv(rows.T @ rows + 0.1 * np.eye(rows.shape[1]))
    wanted = np.eye(len(synthetic.KINDS))[labels]
    kernel = 4 * inverse @ rows.T @ (wanted - wanted.mean(0)) / spread
    model.get_layer("logits").set_weights([kernel, -middle @ kernel])
    return model, Background("tower", recipe)
