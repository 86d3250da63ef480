"""Assignment of a checkpoint's arrays to the weights of one network."""

import collections
import fnmatch

import numpy as np

from keras_vidrec.weights import pixels
from keras_vidrec.weights.cross_modality import inflate_kernel
from keras_vidrec.weights.published.import_report import ImportReport
from keras_vidrec.weights.towers import slots

# The layer name of a classifier, and the name of all of them for users.
CLASSIFIER = "logits"
HEAD = "head"

_COLORS = 3
# Errors name the arguments in Python and on the command line.
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
    """The assignment of a checkpoint's arrays to the weights of a network. It
    does not change the network.

    Args:
        checkpoint: `Checkpoint`.
        translation: its `Translation` for the backbones of the model.
        model: keras.Model.
        streams: tuple of the streams with a backbone, as in `slots`.
        may_miss: set of pairs of stream and layer (see `towers.layer_places`)
            that may keep their weights.
        allow_unused: sequence of str. See `conversion.convert`.
        inflate: `None` or str. See `conversion.convert`.

    Attributes:
        arrays: dict from `Slot` of the model to float32 arrays.
        scalings: dict from modalities to `PixelScaling`, for
            `pixels.scale_pixels`.
        problems: dict from kinds of problems to lists of items.
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
            self.problems["inflate, which no convolution needs"] = [
                repr(inflate)
            ]
        if not self.problems:
            self._scale()

    def report(self):
        """Returns the `ImportReport`."""
        kept = [_layer(slot) for slot in self._want if slot not in self.arrays]
        return ImportReport(
            format=self._checkpoint.format,
            scheme=self._translation.scheme,
            # One tensor may contain two weights.
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
        """Returns the stream of the model if it has one and the checkpoint
        several; else `None`."""
        have, want = (
            {slot.stream for slot in places} - {None}
            for places in (self._translation.pieces, self._want)
        )
        if want or not have:
            return None
        return pixels.kind_of(pixels.modality_of(self._model))

    def _in_model(self, slot):
        """Returns the slot of the model for one of the checkpoint; `None` if
        the model does not have its stream."""
        if self._stream is None:
            return slot
        return (
            slot._replace(stream=None) if slot.stream == self._stream else None
        )

    def _place(self, slot, piece):
        # Also for tensors that do not fit, so that they are not missing too.
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
        """Returns the array as float32; `None` after adding a problem."""
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
        """Whether it is a first kernel of colors for a model of motion."""
        return (
            slot == self._first(slot.stream)
            and len(shape) == 4
            and shape[2] == _COLORS != wanted[2]
            and shape[:2] + shape[3:] == wanted[:2] + wanted[3:]
        )

    def _first(self, stream):
        """Returns the slot of the first kernel of a stream."""
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
        """Returns a tensor as text with its shape in the file, and its shape
        `brought` in the layout of Keras if that differs."""
        tensor = self._checkpoint.tensors.get(source)
        shape = brought if tensor is None else tuple(np.shape(tensor))
        text = source if shape is None else f"{source} {shape}"
        return text if brought in (None, shape) else f"{text}, here {brought},"

    def _keep_layers(self):
        """Drops the arrays of layers that may miss and are incomplete, and adds
        problems for the other weights without an array."""
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
        """Includes a scaling in the first kernel; returns a text for it."""
        first = self._first(stream)
        if first not in self.arrays:
            return f"{_layer(first)}, which scales them, is not loaded"
        kernel = pixels.scaled_kernel(self.arrays[first], scaling)
        self.arrays[first] = kernel
        return f"{pixels.formula(scaling)}, in {_layer(first)}"


def _layer(slot):
    return f"{slot.stream}/{slot.layer}" if slot.stream else slot.layer


def _long_axes(shape):
    """Returns a shape without axes of 1: `(1, 1, in, out)` is `(in, out)`."""
    return [length for length in shape if length != 1]
