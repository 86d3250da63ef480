"""Two towers that are built side by side, and fused on the way."""

import keras

from keras_vidrec import backbones
from keras_vidrec.applications.parts import streams
from keras_vidrec.layers.conv_fusion_3d import ConvFusion3D
from keras_vidrec.layers.spatial_pooling import CaffePooling
from keras_vidrec.layers.stream_fusion import StreamFusion
from keras_vidrec.layers.temporal_max_pooling import TemporalMaxPooling
from keras_vidrec.specs import checks

TOWERS = _FUSED, _TEMPORAL = "spatiotemporal", "temporal"
# The fusions that join channel with channel, without a map in space and time.
FULLY_CONNECTED = ("sum", "max", "concat", "conv")


class FusedStreams:
    """The two streams of a `TwoStreamFusion` network while it is built.

    Both walk through their towers together. Each stretch from a stop to the
    next is a model of its own, so that it can be frozen and found by name.

    Args:
        clips: dict by stream of KerasTensors `(batch, num_segments, height,
            width, channels)`, scaled for the backbones.
        towers: dict by stream of the names of backbones, or `keras.Model`.
        fusion: str. As `TwoStreamFusion` takes it.
        initialization: str. Of the convolution of `"conv"`.
        dropout: float. Rate between fully connected layers.
    """

    def __init__(self, clips, towers, *, fusion, initialization, dropout):
        self._fusion = fusion
        self._initialization = initialization
        # (batch, times, height, width, filters); (batch, times, features)
        # behind a bilinear fusion.
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
        # Stretches before the first fusion are called by the stream.
        self._stretches = {_FUSED: "rgb", _TEMPORAL: "flow"}

    def walk_to(self, endpoints):
        """Both towers up to an endpoint of each, in a dict by tower; `None`
        for their ends."""
        for tower, walk in self._walks.items():
            endpoint = endpoints and endpoints[tower]
            here = walk.endpoint
            name = self._stretches[tower]
            name += "_tower" if here == "images" else f"_from_{here}"
            x = self._tensors[tower]
            # A fusion may have padded the maps, or added channels.
            walk.put(keras.KerasTensor((None, *x.shape[2:])))
            part = walk.part(endpoint, name=name)
            if len(part.layers) > 1:  # else nothing is left to walk
                folded = part(streams.fold(x, name))
                self._tensors[tower] = streams.unfold(folded, x, name)

    def fuse(self, endpoint):
        """Joins the temporal stream into the spatial one."""
        tensors = list(self._tensors.values())
        checks.check(
            len(tensors[0].shape) == 5 or self._fusion in FULLY_CONNECTED,
            "fusion",
            f"one of {FULLY_CONNECTED} at {endpoint!r}, which is no map",
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
            del self._walks[_FUSED]  # positions are summed up

    def pool_over_time(self, num_segments):
        """Max-pools both streams over time.

        The maximum over time, then over space is that over both: the pooling
        before a tower's fully connected layers comes next and does the second
        half.
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
        """The temporal stream ends where it was fused."""
        del self._tensors[_TEMPORAL], self._walks[_TEMPORAL]

    def features(self, pooling):
        """Dict by tower of `(batch, times, features)`, or of maps without
        pooling."""
        self.walk_to(None)
        return {
            tower: streams.pooled_maps(x, pooling, tower)
            for tower, x in self._tensors.items()
        }

    def fused_scores(self, spatial, temporal):
        """Class scores `(batch, times, classes)` of both joined (fc8)."""
        layer = self._layer("fusion_fc8", None, dtype="float32")
        return layer([spatial, temporal])

    def _layer(self, name, activation, dtype=None):
        if self._fusion != "conv":
            return StreamFusion(self._fusion, dtype=dtype, name=name)
        return StreamFusion(
            "conv", self._initialization, activation, dtype=dtype, name=name
        )
