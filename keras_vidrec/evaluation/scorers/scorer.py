"""Which scorer a network needs: one interface for snippets and for clips."""

import keras

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.data.clips.reader import WHOLE_FRAMES
from keras_vidrec.evaluation.scorers.clip_scorer import ClipScorer
from keras_vidrec.evaluation.scorers.snippet_scorer import SnippetScorer


def make(model, num_segments, crops):
    """From the snippets of a video, as `data.clips.reader.read_test_clip` gives
    them, to its mean logits.

    A network that sees its segments in order (`ClipSpec.ordered`) is shown
    whole clips, any other single snippets.

    Args:
        model: keras.Model of this package.
        num_segments: int. Segments of a clip.
        crops: str. One of `clip_spec.TEST_CROPS`.

    Returns:
        `ClipScorer` or `SnippetScorer`.

    Raises:
        ValueError: if the model was built for clips of another length, or for
            frames of one size and is to see whole ones.
    """
    length = length_of_clips(model)
    if length not in (None, num_segments):
        raise ValueError(
            "The network was built for clips of a fixed length. Expected "
            f"num_segments={length}. Received: num_segments={num_segments}"
        )
    for clip in keras.tree.flatten(model.input):
        if crops in WHOLE_FRAMES and None not in clip.shape[2:4]:
            raise ValueError(
                "Whole frames have many sizes. Expected a network that was "
                "built for any height and width, or crops of one size. "
                f"Received: crops={crops!r}, input {clip.name!r} of shape "
                f"{tuple(clip.shape)}"
            )
    if _is_ordered(model):
        return ClipScorer(model, num_segments)
    return SnippetScorer(model)


def length_of_clips(model):
    """How many segments each clip must have: `None` if any number will do, as
    it always does where single snippets are classified."""
    if not _is_ordered(model):
        return None
    return keras.tree.flatten(model.input)[0].shape[1]


def _is_ordered(model):
    spec = describe(model).clip_spec
    return spec is not None and spec.ordered
