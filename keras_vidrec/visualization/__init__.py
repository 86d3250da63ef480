"""Visualizations of networks and their input.

`grad_cam`, `deep_draw`, `deep_draw_comparison`, `activations`,
`fusion_filters`, `embedding`, `flow_figure` and `modality_figure` each have a
function `draw` that returns a matplotlib figure, and `table` for its numbers;
`figures.save` writes it.
"""

import typing

from keras_vidrec import lazy

# Imported at once, so that the name is the function, not the module.
from keras_vidrec.visualization.contact_sheet import (
    contact_sheet as contact_sheet,
)
from keras_vidrec.visualization.contact_sheet import (
    save_picture as save_picture,
)

if typing.TYPE_CHECKING:
    from keras_vidrec.visualization import activations as activations
    from keras_vidrec.visualization import deep_draw as deep_draw
    from keras_vidrec.visualization import (
        deep_draw_comparison as deep_draw_comparison,
    )
    from keras_vidrec.visualization import embedding as embedding
    from keras_vidrec.visualization import figures as figures
    from keras_vidrec.visualization import flow_figure as flow_figure
    from keras_vidrec.visualization import fusion_filters as fusion_filters
    from keras_vidrec.visualization import grad_cam as grad_cam
    from keras_vidrec.visualization import modality_figure as modality_figure
    from keras_vidrec.visualization import overlay as overlay
    from keras_vidrec.visualization import timeline_figure as timeline_figure

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "activations": None,
        "contact_sheet": "visualization.contact_sheet",
        "deep_draw": None,
        "deep_draw_comparison": None,
        "embedding": None,
        "figures": None,
        "flow_figure": None,
        "fusion_filters": None,
        "grad_cam": None,
        "modality_figure": None,
        "overlay": None,
        "save_picture": "visualization.contact_sheet",
        "timeline_figure": None,
    },
)
