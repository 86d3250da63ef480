"""What is not trained: set on layers, before `compile`."""

import keras

from keras_vidrec.weights.towers import towers


def batch_normalizations(model):
    """Batch normalisation layers of a model, nested ones too, in order."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
        elif isinstance(layer, keras.Model):
            found.extend(batch_normalizations(layer))
    return found


def partial_batch_norm(model):
    """Freezes every batch normalisation but the first of each tower.

    A frozen one uses its stored statistics in training too, and neither they
    nor its scale and shift change. The first one follows the new kind of
    input (TSN, section 3.2): a network of several streams has several new
    kinds, so the first one of every tower stays free. In a model without
    towers, the first one of all does.

    It holds for `fit` under any distribution strategy, and the frozen stay so
    in a saved and loaded model. Call it before `compile`.

    Args:
        model: keras.Model.

    Returns:
        int, the number of layers frozen.
    """
    streams = towers(model).values() or (model,)
    free = {id(layer) for s in streams for layer in batch_normalizations(s)[:1]}
    frozen = [
        layer for layer in batch_normalizations(model) if id(layer) not in free
    ]
    for layer in frozen:
        layer.trainable = False
    return len(frozen)
