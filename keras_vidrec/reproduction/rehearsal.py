"""Test runs of a reproduction with few steps and short tests."""

import contextlib
import warnings

import keras

from keras_vidrec.specs import TestProtocol
from keras_vidrec.training import recipe_network

_EPOCHS = 2  # of one step
# Upper limits of a test.
_NUM_SEGMENTS = 5
_NUM_CLIPS = 2


def settings(recipe) -> list:
    """Returns further changes of a recipe, in addition to those of
    `recipes.tiny`.

    The generated videos are not resized, and not flipped, which would change
    their classes. The tiny backbone has no fully connected layers to fuse.

    Args:
        recipe: `Recipe`.

    Returns:
        list of str, as `recipes.tiny` takes them.
    """
    # In `recipes.tiny`, phases have one epoch each.
    found = [] if recipe.schedule.phases else [f"schedule.epochs={_EPOCHS}"]
    if recipe.schedule.boundaries:
        found.append(f"schedule.boundaries=[{_EPOCHS - 1}]")
    if not recipe_network.backbones(recipe):
        return found
    found += ["clip.frame.size=short64", "augmentation.flip=false"]
    layers = recipe.network.arguments.get("fusion_layer")
    if isinstance(layers, list) and "fc6" in layers:
        layers = [layer for layer in layers if layer != "fc6"]
        found.append(f"network.arguments.fusion_layer={layers}")
    return found


def shortened(test: TestProtocol, recipe) -> TestProtocol:
    """Returns a test with few clips and few segments, but at least as many
    segments as the network of the recipe is built for."""
    least = max(_NUM_SEGMENTS, recipe.network.arguments.get("num_segments", 1))
    return test.replace(
        num_clips=min(test.num_clips, _NUM_CLIPS),
        num_segments=test.num_segments and min(test.num_segments, least),
    )


@contextlib.contextmanager
def uncompiled():
    """A context in which TensorFlow runs eagerly: compiling a network takes
    longer than all steps of a test run."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            # TensorFlow warns that the input pipeline is not run eagerly, which
            # is not necessary.
            warnings.filterwarnings("ignore", "Even though the `tf.config")
            yield
    finally:
        tf.config.run_functions_eagerly(before)
