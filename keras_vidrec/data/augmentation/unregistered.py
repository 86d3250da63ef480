"""A step of one's own, where its class is not known."""

import dataclasses

from keras_vidrec.data.augmentation.step import Numbered


@dataclasses.dataclass(frozen=True)
class Unregistered(Numbered):
    """The content of a file about a step whose class is not registered in this
    program: enough to write the file again, too little to train with.

    Args:
        name: str. `"package>Name"`.
        config: dict. Its numbers.
    """

    name: str
    config: dict

    def get_config(self):
        return self.config
