"""The base class of sources of prepared datasets."""

import os
import typing

from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared.dataset import PreparedDataset
from keras_vidrec.data.sources.source import Source
from keras_vidrec.videos.health import Health


class Stored(Source):
    """The `Source` of a dataset of `vidrec prepare` or `vidrec features`. It
    implements all methods that only need `dataset.json`.

    Args:
        directory: path of the dataset, or its URL in an object store (see
            `storage.as_path`).
        dataset: `PreparedDataset` that was loaded from there.

    Attributes:
        catalog: `Catalog` with the splits, and with `videos`, `labels`,
            `groups` and `classes` of this source.
        settings: dict. How the records were made; see `PreparedDataset`.
    """

    def __init__(
        self, directory: str | os.PathLike[str], dataset: PreparedDataset
    ) -> None:
        super().__init__(dataset.catalog)
        self.catalog = dataset.catalog
        self.settings = dataset.settings
        self.modalities = dataset.modalities
        self.is_remote = storage.is_remote(directory)
        self._healths, self._lost = dataset.healths, dataset.lost
        self._contents, self._origin = dataset.contents, dataset.origin

    def health(self, index: int) -> Health | None:
        """The `Health` of the original file of video `index`; see `Source`."""
        return self._healths[index]

    def lost_share(self, index: int) -> float:
        """See `Source`."""
        return self._lost[index]

    def content(self, index: int) -> str | None:
        """See `Source`."""
        return self._contents[index]

    def how_made(self) -> typing.Any:
        """See `Source`."""
        return prepared_dataset.how_made(self.settings)

    def made_from(self) -> typing.Any:
        """See `Source`."""
        return {
            field: getattr(self._origin, field)
            for field in ("parents", "versions", "decoder")
        }
