"""Clips of a run's own videos, as an exported network takes them."""

import keras
import numpy as np

from keras_vidrec.data import pipeline
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.data.failures import Failures
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training import joining

# More tell no more of a rounding, and take long.
MOST = 500


class Samples:
    """A clip of each of some videos, read again at each pass.

    Args:
        endpoint: `Endpoint` that they are for.
        recipe: `Recipe` of the network.
        part: `None`: the validation part, or where there is none the training
            part; or str, `"test"`, and where there is none the training part.
            Defaults to `None`.
        most: int. Videos, which lie evenly in the part. Defaults to `MOST`.

    Attributes:
        part: str. `"validation"`, `"test"` or `"training"`.
        of: int. Videos of the part.
        classes: tuple of str.

    Raises:
        ValueError, OSError: if the dataset is not there, or is another one.
    """

    def __init__(self, endpoint, recipe, part=None, most=MOST):
        data = datasets.load(recipe)
        self.part = part or "validation"
        split = getattr(data, self.part)
        if not split:
            self.part, split = "training", data.train
        self.of = len(split)
        places = np.linspace(0, len(split) - 1, min(most, len(split)))
        split = [split[i] for i in np.rint(places).astype(int)]
        source, of_features = data.source, len(endpoint.inputs[0].shape) == 3
        if feature_reader.are_features(source) and not of_features:
            # Of a network that was joined: what the features were made of.
            names = [source.videos[i] for i in split]
            source = joining.images_of(source, endpoint.spec.flow).source
            split = [source.videos.index(name) for name in names]
        self.classes = tuple(source.classes)
        self._endpoint, self._source, self._split = endpoint, source, split

    def __len__(self):
        return len(self._split)

    def __iter__(self):
        """Yields a dict of arrays by input, in a batch of one, and the label;
        videos that cannot be read are left out."""
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
