"""A custom step whose class is not registered in this program."""

import dataclasses

from keras_vidrec.data.augmentation.step import Numbered


@dataclasses.dataclass(frozen=True)
class Unregistered(Numbered):
    """What a file says about a step whose class is not registered in this
    program. It can be written to a file again, but not used in training.

    Args:
        name: str. The registered name of the class, `"package>Name"`.
        config: dict. The numbers of the step.
    """

    name: str
    config: dict

    def get_config(self):
        return self.config
