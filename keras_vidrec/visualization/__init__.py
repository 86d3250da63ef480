"""Pictures for people: what a network sees.

`contact_sheet` is imported here; `grad_cam`, `deep_draw`, `embedding` and
`flow_figure`, which need matplotlib, are modules to import: each has a function
`draw` that returns a matplotlib figure, and `figures.save` writes it.
"""

from keras_vidrec.visualization.contact_sheet import contact_sheet
from keras_vidrec.visualization.contact_sheet import save_picture

__all__ = ["contact_sheet", "save_picture"]
