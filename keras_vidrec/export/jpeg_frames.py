"""The signature of a SavedModel that takes frames encoded as JPEG."""

import tensorflow as tf

from keras_vidrec.export import parity


class JpegFrames:
    """A signature that decodes the frames of clips.

    Args:
        endpoint: `Endpoint` with one input, R G B frames.

    Attributes:
        name: str. Name of the signature.
        inputs: list of tf.TensorSpec: `frames` `(batch, num_segments *
            images)`, strings.
    """

    name = "serve_jpeg"

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._images = endpoint.inputs[0].shape[-1] // 3
        self.inputs = [tf.TensorSpec((None, None), tf.string, name="frames")]

    def function(self, functions):
        """Returns the `tf.function` of the signature. It has the outputs of
        the endpoint.

        Args:
            functions: dict of `tf.function` by signature; it contains the one
                of the endpoint.
        """
        serve = functions[self._endpoint.name]
        return tf.function(
            lambda frames: serve(self.clips(frames)),
            input_signature=self.inputs,
            autograph=False,
        )

    def clips(self, frames):
        """Decodes frames to clips.

        Args:
            frames: string tensor `(batch, num_segments * images)`.

        Returns:
            uint8 tensor `(batch, num_segments, height, width, 3 * images)`.
        """
        batch, number = tf.unstack(tf.shape(frames))
        whole = tf.debugging.assert_equal(
            number % self._images,
            0,
            f"Expected `frames` of {self._images} images a snippet.",
        )
        # In a graph the assertion only runs if another operation depends on it.
        with tf.control_dependencies([whole] if whole is not None else []):
            flat = tf.reshape(frames, (-1,))
        images = tf.map_fn(
            _decoded,
            flat,
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
        )
        height, width = tf.unstack(tf.shape(images)[1:3])
        shape = (batch, -1, self._images, height, width, 3)
        images = tf.transpose(tf.reshape(images, shape), (0, 1, 3, 4, 2, 5))
        known = self._endpoint.inputs[0].shape
        clips = tf.reshape(
            images, (batch, number // self._images, height, width, known[-1])
        )
        return tf.ensure_shape(clips, known)

    def check(self, run_of, recipe, tolerance):
        """Compares its outputs with those of the endpoint's signature on the
        same images.

        Args:
            run_of: function from the name of a signature to a function from a
                dict of arrays by input to a dict of arrays by output.
            recipe, tolerance: see `parity.check`.

        Returns:
            `parity.Check`.

        Raises:
            RuntimeError: if a probability differs by more than `tolerance`.
        """
        clips, on = parity.clips_of(self._endpoint, recipe)
        (pixels,) = clips.values()
        frames = self._encoded(pixels)
        decoded = self.clips(frames).numpy()
        expected = run_of(self._endpoint.name)(dict.fromkeys(clips, decoded))
        found = run_of(self.name)({"frames": frames})
        if self._endpoint.makes_flow:
            tolerance = max(tolerance, parity.FLOW_TOLERANCE)
        difference = parity.check_probabilities(found, expected, tolerance)
        return parity.Check(self.name, difference, on)

    def _encoded(self, pixels):
        """Returns the frames of clips as JPEG, an array of bytes `(batch,
        num_segments * images)`."""
        batch, segments, height, width, channels = pixels.shape
        shape = (batch, segments, height, width, channels // 3, 3)
        images = tf.transpose(tf.reshape(pixels, shape), (0, 1, 4, 2, 3, 5))
        images = tf.reshape(images, (-1, height, width, 3))
        frames = [tf.io.encode_jpeg(image, quality=95) for image in images]
        return tf.reshape(tf.stack(frames), (batch, -1)).numpy()


def _decoded(frame):
    # This method gives the same pixels as other decoders.
    return tf.io.decode_jpeg(frame, 3, dct_method="INTEGER_ACCURATE")


def of(served):
    """Returns `JpegFrames` of the last endpoint whose only input is R G B
    frames.

    Args:
        served: sequence of `Endpoint`.

    Returns:
        `JpegFrames`, or `None` if there is no such endpoint.
    """
    for endpoint in reversed(served):
        first, *others = endpoint.inputs
        if not others and endpoint.modality(first) in ("rgb", "rgb_diff"):
            if endpoint.spec is not None and len(first.shape) == 5:
                return JpegFrames(endpoint)
    return None
