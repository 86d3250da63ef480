"""What is not trained: set on layers, before `compile`."""

import keras


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
    """Freezes every batch normalisation but the first of the model.

    A frozen one uses its stored statistics in training too, and neither they
    nor its scale and shift change. The first one follows the new kind of
    input (TSN, section 3.2). Call it before `compile`.

    Args:
        model: keras.Model.

    Returns:
        int, the number of layers frozen.
    """
    layers = batch_normalizations(model)[1:]
    for layer in layers:
        layer.trainable = False
    return len(layers)
