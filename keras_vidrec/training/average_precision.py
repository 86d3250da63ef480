"""Average precision while a network trains, in constant memory."""

import keras
from keras import ops

# Bins of the logits, from the lowest edge to the highest; what lies beyond is
# in the first or the last one.
_BINS = 256
_EDGE = 12.0


class MeanAveragePrecision(keras.metrics.Metric):
    """Mean over the classes that occur of their average precision, of logits.

    Logits are counted in bins 0.09 wide, and those of a bin are taken for
    equal; `evaluation` works it out exactly. Classes that no video shows do
    not count.

    Args:
        num_classes: int.
        name: str. Defaults to `"mean_average_precision"`.
    """

    def __init__(self, num_classes, name="mean_average_precision", **kwargs):
        super().__init__(name=name, **kwargs)
        self._counts = self.add_variable(
            # Of clips that show the class, and of the others.
            shape=(2, num_classes, _BINS),
            initializer="zeros",
            name="counts",
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts logits `(batch, classes)` of labels of that shape, from 0 to
        1."""
        labels = ops.cast(y_true, "float32")
        scaled = (ops.cast(y_pred, "float32") + _EDGE) * (_BINS / (2 * _EDGE))
        bins = ops.cast(ops.clip(scaled, 0, _BINS - 1), "int32")
        each = ops.one_hot(bins, _BINS, dtype="float32")
        weights = ops.stack([labels, 1 - labels])
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, "float32")
            weights *= ops.reshape(sample_weight, (1, -1, 1))
        self._counts.assign_add(ops.einsum("sbc,bck->sck", weights, each))

    def result(self):
        found = ops.flip(ops.convert_to_tensor(self._counts), axis=-1)
        shown, others = found[0], found[1]
        total = ops.sum(shown, axis=-1)
        right = ops.cumsum(shown, axis=-1)
        taken = right + ops.cumsum(others, axis=-1)
        precision = ops.divide_no_nan(right, taken)
        areas = ops.sum(shown * precision, axis=-1)
        each = ops.divide_no_nan(areas, total)
        occur = ops.cast(total > 0, "float32")
        return ops.divide_no_nan(ops.sum(each * occur), ops.sum(occur))
