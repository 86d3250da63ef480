"""The places of a checkpoint's arrays in one network."""

import collections
import fnmatch

import numpy as np

from keras_vidrec.weights import pixels
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.published.import_report import ImportReport
from keras_vidrec.weights.towers import slots

# The classifier of a stream; and what errors call all of them.
CLASSIFIER = "logits"
HEAD = "head"

_COLORS = 3
# Errors speak to users of Python and of the command line.
_UNUSED = (
    "Tensors without a place in the model (allow_unused, --allow-unused "
    "PATTERN)"
)
_NO_HEAD = f", unless allow_missing has {HEAD!r} (--allow-missing {HEAD})"
_INFLATE = ", unless inflate is 'avg' (--inflate avg)"
_OTHER_IMAGES = (
    ": other images, see modality and snippet_length of the model "
    "(--modality, --set snippet_length=N)"
)


class Matching:
    """What of a checkpoint goes where in a network, and what does not.
    Nothing is changed yet.

    Args:
        checkpoint: `Checkpoint`.
        translation: `Translation` of it for the backbones of the model.
        model: keras.Model.
        streams: tuple of the streams with a backbone, as `slots` has them.
        may_miss: set of pairs of stream and layer that may be kept, as
            `towers.layer_places` has them.
        allow_unused: sequence of str, as `conversion.convert` takes it.
        inflate: `None` or str, as `conversion.convert` takes it.

    Attributes:
        arrays: dict of float32 arrays by `Slot` of the model.
        scalings: dict of `PixelScaling` by modality, for
            `pixels.scale_pixels`.
        problems: dict from a kind of problem to a list of items.
    """

    def __init__(
        self,
        checkpoint,
        translation,
        model,
        *,
        streams,
        may_miss,
        allow_unused,
        inflate,
    ):
        self._checkpoint = checkpoint
        self._translation = translation
        self._model = model
        self._want = slots(model)
        self._streams = streams
        self._may_miss = may_miss
        self._inflate = inflate
        self.arrays = {}
        self.scalings = {}
        self.problems = collections.defaultdict(list)
        self._sources = {}
        self._inflated = {}
        self._left_out = {}
        self._pixels = {}
        self._stream = self._one_of_several()
        unused = list(translation.unknown)
        for slot, piece in translation.pieces.items():
            slot = self._in_model(slot)
            if slot is None:
                self._left_out[piece.source] = (
                    f"not of the stream {self._stream}"
                )
            elif slot in self._want:
                self._place(slot, piece)
            elif slot.layer == CLASSIFIER and not self._classifies(slot):
                self._left_out[piece.source] = "the model has no classifier"
            else:
                unused.append(piece.source)
        for slot in map(self._in_model, translation.zero_biases):
            if slot in self._want:
                shape = tuple(self._want[slot].shape)
                self.arrays[slot] = np.zeros(shape, "float32")
        self._leave_out(unused, allow_unused)
        self._keep_layers()
        if inflate is not None and not (self._inflated or self.problems):
            self.problems["inflate, where nothing is to be inflated"] = [
                repr(inflate)
            ]
        if not self.problems:
            self._scale()

    def report(self):
        """`ImportReport` of it."""
        kept = [_layer(slot) for slot in self._want if slot not in self.arrays]
        return ImportReport(
            format=self._checkpoint.format,
            scheme=self._translation.scheme,
            # One tensor may hold two weights.
            loaded=tuple(
                dict.fromkeys(
                    self._sources[slot]
                    for slot in self.arrays
                    if slot in self._sources
                )
            ),
            zero_biases=tuple(
                _layer(slot)
                for slot in self.arrays
                if slot not in self._sources
            ),
            inflated=tuple(
                text
                for slot, text in self._inflated.items()
                if slot in self.arrays
            ),
            ignored=dict(self._translation.ignored),
            left_out=self._left_out,
            kept=tuple(dict.fromkeys(kept)),
            pixels=self._pixels,
        )

    def _one_of_several(self):
        """The stream of the model, if it has one and the checkpoint
        several."""
        have, want = (
            {slot.stream for slot in places} - {None}
            for places in (self._translation.pieces, self._want)
        )
        if want or not have:
            return None
        return pixels.kind_of(pixels.modality_of(self._model))

    def _in_model(self, slot):
        """The slot in the model of one of the checkpoint; `None` of other
        streams."""
        if self._stream is None:
            return slot
        return (
            slot._replace(stream=None) if slot.stream == self._stream else None
        )

    def _place(self, slot, piece):
        # What does not fit is not missing too.
        self._sources[slot] = piece.source
        array = self._floats(piece)
        if array is None:
            return
        wanted = tuple(self._want[slot].shape)
        grows = self._is_of_colors(slot, array.shape, wanted)
        if grows and self._inflate is not None:
            array = inflate_kernel(array, wanted[2], self._inflate)
            self._inflated[slot] = (
                f"{_layer(slot)} ({_COLORS} to {wanted[2]} channels: "
                f"{self._inflate})"
            )
        if _long_axes(array.shape) == _long_axes(wanted):
            self.arrays[slot] = array.reshape(wanted)
            return
        if slot[:2] in self._may_miss:
            self._left_out[piece.source] = "of another shape"
            return
        hint = ""
        if slot.layer == CLASSIFIER and slot.variable == "kernel":
            hint = _NO_HEAD
        elif grows:
            hint = _INFLATE
        elif slot == self._first(slot.stream) and len(array.shape) == 4:
            hint = _OTHER_IMAGES
        self.problems["Tensors of other shapes"].append(
            f"{self._with_shape(piece.source, array.shape)} for "
            f"{_layer(slot)}/{slot.variable} {wanted}{hint}"
        )

    def _floats(self, piece):
        """The array in float32; `None` where that cannot be."""
        array = np.asarray(piece.array)
        if array.dtype.kind != "f":
            self.problems["Tensors of no floating point"].append(
                f"{piece.source} ({array.dtype})"
            )
            return None
        with np.errstate(over="ignore"):
            array = array.astype("float32", copy=False)
        if not np.isfinite(array).all():
            self.problems["Tensors with values that are not finite"].append(
                piece.source
            )
            return None
        return array

    def _is_of_colors(self, slot, shape, wanted):
        """Whether it is the first kernel, of three colors, for motion."""
        return (
            slot == self._first(slot.stream)
            and len(shape) == 4
            and shape[2] == _COLORS != wanted[2]
            and shape[:2] + shape[3:] == wanted[:2] + wanted[3:]
        )

    def _first(self, stream):
        """The slot of the first kernel of a stream."""
        return next(
            (
                slot
                for slot, variable in self._want.items()
                if slot.stream == stream
                and slot.variable == "kernel"
                and len(variable.shape) == 4
            ),
            None,
        )

    def _classifies(self, slot):
        return any(
            other.layer == CLASSIFIER and other.stream == slot.stream
            for other in self._want
        )

    def _leave_out(self, unused, allowed):
        for source in unused:
            if any(fnmatch.fnmatchcase(source, name) for name in allowed):
                self._left_out[source] = "may be left out"
                continue
            self.problems[_UNUSED].append(self._with_shape(source))

    def _with_shape(self, source, brought=None):
        """A tensor with its shape in the file, and brought to that of Keras
        if it is another one."""
        tensor = self._checkpoint.tensors.get(source)
        shape = brought if tensor is None else tuple(np.shape(tensor))
        text = source if shape is None else f"{source} {shape}"
        return text if brought in (None, shape) else f"{text}, here {brought},"

    def _keep_layers(self):
        """A layer of which not all is there keeps its weights as a whole."""
        missing = [slot for slot in self._want if slot not in self.arrays]
        kept = {slot[:2] for slot in missing} & self._may_miss
        for slot in [slot for slot in self.arrays if slot[:2] in kept]:
            del self.arrays[slot]
            if slot in self._sources:
                self._left_out[self._sources[slot]] = (
                    "its layer keeps its weights"
                )
        for slot in missing:
            if slot[:2] in kept or slot in self._sources:
                continue
            hint = ""
            if slot.layer == CLASSIFIER and slot.variable == "kernel":
                hint = _NO_HEAD
            self.problems["Weights of the model without a tensor"].append(
                f"{_layer(slot)}/{slot.variable} "
                f"{tuple(self._want[slot].shape)}{hint}"
            )

    def _scale(self):
        layers = pixels.pixel_layers(self._model)
        for stream in self._streams:
            modality = stream or pixels.modality_of(self._model)
            kind = pixels.kind_of(modality)
            scaling = self._translation.scaling.get(kind)
            if scaling is None:
                text = "the weights do not say how they are scaled"
            elif modality in layers:
                self.scalings[modality] = scaling
                text = f"{pixels.formula(scaling)}, in the model"
            elif pixels.scales_in_kernel(self._model, modality):
                text = self._scale_differences(stream, scaling)
            else:
                text = (
                    f"{pixels.formula(scaling)}, not in the model: scale them "
                    "before"
                )
            self._pixels[modality] = text

    def _scale_differences(self, stream, scaling):
        """Scales the first kernel, and says so."""
        first = self._first(stream)
        if first not in self.arrays:
            return f"{_layer(first)}, which scales them, is not loaded"
        kernel = pixels.scaled_kernel(self.arrays[first], scaling)
        self.arrays[first] = kernel
        return f"{pixels.formula(scaling)}, in {_layer(first)}"


def _layer(slot):
    return f"{slot.stream}/{slot.layer}" if slot.stream else slot.layer


def _long_axes(shape):
    """`(1, 1, in, out)` and `(in, out)` hold the same."""
    return [length for length in shape if length != 1]
