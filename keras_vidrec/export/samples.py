"""Clips of the dataset of a run, as an exported network takes them."""

import keras
import numpy as np

from keras_vidrec.data import pipeline
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.failures import Failures
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import joining

# More videos take longer, and the effect of rounding is measured well enough.
MOST = 500


class Samples:
    """Iterable of one clip of each of some videos. Each iteration reads the
    videos again.

    Args:
        endpoint: `Endpoint` that takes the clips.
        recipe: `Recipe` of the network.
        part: `None` (the validation videos), or `"test"`. If this part is
            empty, the training videos are used. Defaults to `None`.
        most: int. Largest number of videos; they are evenly distributed over
            the part. Defaults to `MOST`.

    Attributes:
        part: str. The part that is used: `"validation"`, `"test"` or
            `"training"`.
        classes: tuple of str. Names of the classes.

    Raises:
        ValueError, OSError: if the dataset cannot be read, or does not fit
            the recipe.
    """

    def __init__(self, endpoint, recipe, part=None, most=MOST):
        data = datasets.load(recipe)
        self.part = part or "validation"
        split = getattr(data, self.part)
        if not split:
            self.part, split = "training", data.train
        places = np.linspace(0, len(split) - 1, min(most, len(split)))
        split = [split[i] for i in np.rint(places).astype(int)]
        source, of_features = data.source, len(endpoint.inputs[0].shape) == 3
        if feature_reader.are_features(source) and not of_features:
            # A joined network takes the images the features were made from.
            names = [source.videos[i] for i in split]
            source = joining.images_of(source, endpoint.spec.flow).source
            split = [source.videos.index(name) for name in names]
        self.classes = tuple(source.classes)
        self._endpoint, self._source, self._split = endpoint, source, split

    def __len__(self):
        return len(self._split)

    def __iter__(self):
        """Yields tuples of a dict of arrays by input, with a batch of one
        clip, and the label. Videos that cannot be read are skipped.

        Raises:
            ValueError: if none of the videos can be read.
        """
        failures = Failures(len(self._split))
        endpoint = self._endpoint
        clips = pipeline.make(
            self._source,
            endpoint.spec,
            self._split,
            training=False,
            batch_size=1,
            num_segments=endpoint.inputs[0].shape[1],
            failures=failures,
        )
        try:
            for inputs, labels, weights in clips.as_numpy_iterator():
                if weights[0]:
                    flat = keras.tree.flatten(inputs)
                    names = [tensor.name for tensor in endpoint.inputs]
                    yield dict(zip(names, flat)), labels[0]
        except Exception as error:
            if failures.fatal is not None:
                raise failures.fatal from error
            raise
        if len(failures.errors) == len(self._split):
            raise ValueError(next(iter(failures.errors.values())))
