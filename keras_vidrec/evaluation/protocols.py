"""The test of a network: its own, or another one by name."""

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import TestProtocol


def get(protocol):
    """The `TestProtocol` of a name, see `TestProtocol.named`; of one itself."""
    if isinstance(protocol, TestProtocol):
        return protocol
    return TestProtocol.named(protocol)


def own(model):
    """The `TestProtocol` that a network carries.

    Raises:
        ValueError: if it carries none.
    """
    test = describe(model).test_protocol
    if test is None:
        raise ValueError(
            "Expected a network with a test protocol, or the name of one as "
            f"`protocol`, such as {', '.join(PROTOCOLS)}. Received: "
            f"model={model.name!r} without a test protocol"
        )
    return test


def of(model, protocol=None):
    """The test procedure of a network. All tests and predictions use this
    module.

    Args:
        model: keras.Model of this package, with a `ClipSpec`.
        protocol: `None` (the network's own), str, as `TestProtocol.named`
            takes it, or `TestProtocol`.

    Returns:
        `(test, spec)`: the `TestProtocol`, completed by what the network was
        trained on, and the `ClipSpec` of the clips that it shows. A network
        that was built for clips of one length is shown those where the test
        leaves the number of segments open.

    Raises:
        ValueError: if the network has no clip specification, or has no test and
            none is given, or the test does not fit it.
    """
    spec = clip_spec_of(model)
    test = own(model) if protocol is None else get(protocol)
    length = length_of_clips(model)
    if test.num_segments is None and length is not None:
        test = test.replace(num_segments=length)
    return test.completed(spec), test.shown(spec)


def one_clip(model, num_segments=None):
    """What of a video is looked at where a picture shows one clip.

    Args:
        model: keras.Model of this package.
        num_segments: `None`, or int. Defaults to as many as the network was
            built for, or is tested on if it sees them in order, or was trained
            with: for single snippets a few are enough.

    Returns:
        `ClipSpec` of a clip, where the network's own test has it.

    Raises:
        ValueError: as `of`, or if the network was built for another number of
            segments.
    """
    test, spec = of(model)
    fixed = keras.tree.flatten(model.input)[0].shape[1]
    if num_segments is None:
        trained = clip_spec_of(model).num_segments
        num_segments = fixed or (test.num_segments if spec.ordered else trained)
    if fixed not in (None, num_segments):
        raise ValueError(
            "The network was built for clips of a fixed length. Expected "
            f"num_segments={fixed}. Received: num_segments={num_segments}"
        )
    return spec.replace(num_segments=num_segments)


def clip_spec_of(model):
    """The `ClipSpec` of a network; a `ValueError` if it has none."""
    spec = describe(model).clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network with a clip specification. "
            f"Received: model={model.name!r} without one"
        )
    return spec


def length_of_clips(model):
    """How many segments each clip must have: `None` if any number will do, as
    it always does where single snippets are classified."""
    spec = describe(model).clip_spec
    if spec is None or not spec.ordered:
        return None
    return keras.tree.flatten(model.input)[0].shape[1]
