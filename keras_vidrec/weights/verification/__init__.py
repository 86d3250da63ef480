"""Imported weights against the networks they come from."""

from keras_vidrec.weights.verification.verify import Difference
from keras_vidrec.weights.verification.verify import Verification
from keras_vidrec.weights.verification.verify import verify

__all__ = ["Difference", "Verification", "verify"]
