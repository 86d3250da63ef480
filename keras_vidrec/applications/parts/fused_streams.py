"""Builds two towers side by side and fuses them at given endpoints."""

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import streams
from keras_vidrec.layers.conv_fusion_3d import ConvFusion3D
from keras_vidrec.layers.spatial_pooling import CaffePooling
from keras_vidrec.layers.stream_fusion import StreamFusion
from keras_vidrec.layers.temporal_max_pooling import TemporalMaxPooling
from keras_vidrec.specs import checks

TOWERS = _FUSED, _TEMPORAL = "spatiotemporal", "temporal"
# The fusions that also work on vectors, without axes for space and time.
FULLY_CONNECTED = ("sum", "max", "concat", "conv")


class FusedStreams:
    """The two streams of a `TwoStreamFusion` network while it is built.

    Both towers are built step by step. The part of a tower from one endpoint
    to the next is a model with its own name, so that it can be frozen.

    Args:
        clips: dict by stream of KerasTensors `(batch, num_segments, height,
            width, channels)`, scaled for the backbones.
        towers: dict by stream of the names of backbones, or `keras.Model`.
        fusion: str. See `TwoStreamFusion`.
        initialization: str. Initialization of the convolution of `"conv"`.
        dropout: float. Rate between fully connected layers.
    """

    def __init__(self, clips, towers, *, fusion, initialization, dropout):
        self._fusion = fusion
        self._initialization = initialization
        # (batch, times, height, width, filters), or (batch, times, features)
        # after fully connected layers or a bilinear fusion.
        self._tensors = dict(zip(TOWERS, clips.values()))
        self._walks = {
            tower: backbones.ModelWalk(towers[stream])
            if isinstance(towers[stream], keras.Model)
            else backbones.Walk(
                towers[stream],
                keras.KerasTensor((None, *clip.shape[2:])),
                dropout=dropout,
            )
            for tower, (stream, clip) in zip(self._tensors, clips.items())
        }
        # Parts before the first fusion are named after the stream.
        self._stretches = {_FUSED: "rgb", _TEMPORAL: "flow"}

    def walk_to(self, endpoints):
        """Builds both towers up to an endpoint.

        Args:
            endpoints: `None` (the ends of the towers), or dict of the names of
                endpoints by tower.
        """
        for tower, walk in self._walks.items():
            endpoint = endpoints and endpoints[tower]
            here = walk.endpoint
            name = self._stretches[tower]
            name += "_tower" if here == "images" else f"_from_{here}"
            x = self._tensors[tower]
            # A fusion may have padded the maps, or added channels.
            walk.put(keras.KerasTensor((None, *x.shape[2:])))
            part = walk.part(endpoint, name=name)
            if len(part.layers) > 1:  # otherwise the tower is there already
                folded = part(streams.fold(x, name))
                self._tensors[tower] = streams.unfold(folded, x, name)

    def fuse(self, endpoint):
        """Fuses the temporal stream into the spatial one at an endpoint."""
        tensors = list(self._tensors.values())
        checks.check(
            len(tensors[0].shape) == 5 or self._fusion in FULLY_CONNECTED,
            "fusion",
            f"one of {FULLY_CONNECTED} at {endpoint!r}, which is not a map",
            self._fusion,
        )
        filters = tensors[0].shape[-1]
        name = f"fusion_{endpoint}"
        if self._fusion == "conv3d":
            fused = ConvFusion3D(filters, name=name)(tensors)
        else:
            folded = [
                streams.fold(x, f"{name}_{tower}")
                for tower, x in self._tensors.items()
            ]
            fused = self._layer(name, "relu")(folded)
            fused = streams.unfold(fused, tensors[0], name)
        self._tensors[_FUSED] = fused
        self._stretches = {_FUSED: _FUSED, _TEMPORAL: _TEMPORAL}
        if self._fusion == "bilinear":
            del self._walks[_FUSED]  # no maps are left for its layers

    def pool_over_time(self, num_segments):
        """Max-pools both streams over time and space.

        The maximum over time followed by the maximum over space is the maximum
        over both. In towers with fully connected layers, the pooling over space
        is the tower's own next layer; for other towers it is added here.
        """
        for tower, x in self._tensors.items():
            self._tensors[tower] = TemporalMaxPooling(
                num_segments, strides=2, name=f"{tower}_pool_time"
            )(x)
            walk = self._walks.get(tower)
            maps = len(x.shape) == 5
            if walk is not None and maps and not walk.fully_connected:
                pooled = CaffePooling(2, 2, name=f"{tower}_pool_space")(
                    streams.fold(self._tensors[tower], f"{tower}_pool")
                )
                self._tensors[tower] = streams.unfold(
                    pooled, self._tensors[tower], f"{tower}_pool"
                )

    def drop_temporal(self):
        """Removes the temporal stream, which ends at the last fusion."""
        del self._tensors[_TEMPORAL], self._walks[_TEMPORAL]

    def features(self, pooling):
        """Builds the towers to their ends. Returns a dict by tower of features
        `(batch, times, features)`, or of maps with `pooling=None`."""
        self.walk_to(None)
        return {
            tower: streams.pooled_maps(x, pooling, tower)
            for tower, x in self._tensors.items()
        }

    def fused_scores(self, spatial, temporal):
        """Returns the fused class scores (fc8), `(batch, times, classes)`, from
        those of both towers."""
        layer = self._layer("fusion_fc8", None, dtype="float32")
        return layer([spatial, temporal])

    def _layer(self, name, activation, dtype=None):
        """Returns the layer that fuses two tensors."""
        if self._fusion != "conv":
            return StreamFusion(self._fusion, dtype=dtype, name=name)
        return StreamFusion(
            "conv", self._initialization, activation, dtype=dtype, name=name
        )
