"""Determines the test procedure of a network: its own, or another by name."""

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import PROTOCOLS
from keras_vidrec.specs import TestProtocol


def get(protocol):
    """Returns the `TestProtocol` of a name, see `TestProtocol.named`. A
    `TestProtocol` is returned unchanged."""
    if isinstance(protocol, TestProtocol):
        return protocol
    return TestProtocol.named(protocol)


def own(model):
    """Returns the `TestProtocol` that is stored in a network.

    Raises:
        ValueError: if it has none.
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
        `(test, spec)`: the `TestProtocol`, completed by the `ClipSpec` of the
        network, and the `ClipSpec` of the clips in the test. If the test does
        not set the number of segments, it is the one that the network was built
        for.

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
    """The clip specification for pictures that show a single clip of a video.

    Args:
        model: keras.Model of this package.
        num_segments: `None`, or int. Defaults to `None`: the number that the
            network was built for; else that of its test if it processes
            segments in order; else that of its training, as a few snippets are
            enough.

    Returns:
        `ClipSpec` of a clip, sampled as in the network's own test.

    Raises:
        ValueError: as for `of`, or if the network was built for another number
            of segments.
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
    """Returns the `ClipSpec` of a network.

    Raises:
        ValueError: if it has none.
    """
    spec = describe(model).clip_spec
    if spec is None:
        raise ValueError(
            "Expected a network with a clip specification. "
            f"Received: model={model.name!r} without one"
        )
    return spec


def length_of_clips(model):
    """Returns the number of segments that clips must have; `None` if any number
    is possible, as always for networks that classify single snippets."""
    spec = describe(model).clip_spec
    if spec is None or not spec.ordered:
        return None
    return keras.tree.flatten(model.input)[0].shape[1]
