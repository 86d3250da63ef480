"""A network as a function of frames that are encoded as JPEG."""

import tensorflow as tf

from keras_vidrec.export import parity


class JpegFrames:
    """An endpoint that decodes the frames of clips.

    Args:
        endpoint: `Endpoint` of one input, R G B frames.

    Attributes:
        name: str. Of the signature.
        inputs: list of tf.TensorSpec: `frames` `(batch, num_segments *
            images)`, strings.
    """

    name = "serve_jpeg"

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._images = endpoint.inputs[0].shape[-1] // 3
        self.inputs = [tf.TensorSpec((None, None), tf.string, name="frames")]

    def function(self, functions):
        """`tf.function` to what that of the endpoint gives, which is among
        `functions` by name."""
        serve = functions[self._endpoint.name]
        return tf.function(
            lambda frames: serve(self.clips(frames)),
            input_signature=self.inputs,
            autograph=False,
        )

    def clips(self, frames):
        """uint8 clips of frames, as the endpoint takes them."""
        batch, number = tf.unstack(tf.shape(frames))
        whole = tf.debugging.assert_equal(
            number % self._images,
            0,
            f"Expected `frames` of {self._images} images a snippet.",
        )
        # In a graph nothing waits for it otherwise.
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
        """Compares it with the signature of the endpoint, of the same
        pictures; see `parity.check`, whose arguments these are."""
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
        batch, segments, height, width, channels = pixels.shape
        shape = (batch, segments, height, width, channels // 3, 3)
        images = tf.transpose(tf.reshape(pixels, shape), (0, 1, 4, 2, 3, 5))
        images = tf.reshape(images, (-1, height, width, 3))
        frames = [tf.io.encode_jpeg(image, quality=95) for image in images]
        return tf.reshape(tf.stack(frames), (batch, -1)).numpy()


def _decoded(frame):
    # To the pixels that other decoders give.
    return tf.io.decode_jpeg(frame, 3, dct_method="INTEGER_ACCURATE")


def of(served):
    """`JpegFrames` of the last of the `Endpoint`s that takes R G B frames and
    nothing else; `None` if there is none."""
    for endpoint in reversed(served):
        first, *others = endpoint.inputs
        if not others and endpoint.modality(first) in ("rgb", "rgb_diff"):
            if endpoint.spec is not None and len(first.shape) == 5:
                return JpegFrames(endpoint)
    return None
