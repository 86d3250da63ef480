"""Augmentation of training clips, as a list of steps."""

from keras_vidrec import lazy
from keras_vidrec.data.augmentation.augmentation import STEPS
from keras_vidrec.data.augmentation.augmentation import Augmentation
from keras_vidrec.data.augmentation.augmentation import name_of
from keras_vidrec.data.augmentation.augmentation import step_of
from keras_vidrec.data.augmentation.color_jitter import ColorJitter
from keras_vidrec.data.augmentation.crop import CROPS
from keras_vidrec.data.augmentation.crop import Crop
from keras_vidrec.data.augmentation.cutmix import CutMix
from keras_vidrec.data.augmentation.flip import Flip
from keras_vidrec.data.augmentation.mixup import MixUp
from keras_vidrec.data.augmentation.rand_augment import RandAugment
from keras_vidrec.data.augmentation.random_erasing import RandomErasing
from keras_vidrec.data.augmentation.step import BatchStep
from keras_vidrec.data.augmentation.step import Step
from keras_vidrec.data.augmentation.time_reverse import TimeReverse

__all__ = [
    "Augmentation",
    "BatchStep",
    "CROPS",
    "ColorJitter",
    "Crop",
    "CutMix",
    "Flip",
    "MixUp",
    "RandAugment",
    "RandomErasing",
    "STEPS",
    "Step",
    "TimeReverse",
    "name_of",
    "step_of",
]

lazy.close(__name__, __all__)
