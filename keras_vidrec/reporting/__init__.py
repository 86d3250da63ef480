"""What came out of a run, or of a test, as a page for people."""

from keras_vidrec.reporting.page import report
from keras_vidrec.reporting.page import write

__all__ = ["report", "write"]
