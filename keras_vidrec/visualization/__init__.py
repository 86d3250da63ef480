"""Pictures for people: what a network sees."""

from keras_vidrec.visualization.contact_sheet import contact_sheet
from keras_vidrec.visualization.contact_sheet import save_picture

__all__ = ["contact_sheet", "save_picture"]
