"""The pictures of the page: Grad-CAM and optical flow."""

import base64
import html
import io

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import FlowSpec
from keras_vidrec.visualization import flow_figure

_DPI = 110
# Smallest width on a small screen, as a share of the full width.
_LEAST = 0.6
_FAST = FlowSpec("dis")
_FLOWS = ("flow", "warped_flow")


def explained(recognizer, video, class_name=None):
    """Returns the picture of `Recognizer.explain` as HTML.

    Args:
        recognizer: `Recognizer`.
        video: `Taken`.
        class_name: `None` (the most probable class), or str. Defaults to
            `None`.
    """
    figure = recognizer.explain(video.path, class_name)
    title = " ".join(text.get_text() for text in figure.texts)
    return image(figure, title)


def flows_of(recognizers):
    """Returns the kinds of flow to draw: those that the networks take. If no
    network takes flow, it is computed by the fast method DIS from the frames of
    the first network.

    Args:
        recognizers: dict of `Recognizer` by name.

    Returns:
        dict from `(FlowSpec, FrameSpec)` to the list of the names of the
        networks.
    """
    specs = {
        name: describe(one.model).clip_spec for name, one in recognizers.items()
    }
    shared = {}
    for name, spec in specs.items():
        if {*_FLOWS} & {*spec.modalities}:
            shared.setdefault((spec.flow, spec.frame), []).append(name)
    (first, *_) = specs.values()
    return shared or {(_FAST, first.frame): [*specs]}


def flow(video, how):
    """Returns a picture of frames of a video and their flow as HTML.

    Args:
        video: `Taken`.
        how: a key of the result of `flows_of`.
    """
    shown = flow_figure.read(video.path, how[0], frame=how[1])
    return image(flow_figure.draw(shown), f"Optical flow of {video.name}")


def image(figure, description):
    """Returns a figure as HTML: str. On a small screen it is drawn smaller; a
    figure that is still too wide scrolls inside its own box.

    Args:
        figure: Matplotlib figure.
        description: str. Text for readers who cannot see it.
    """
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    data = base64.b64encode(file.getvalue()).decode()
    width = round(figure.get_figwidth() * 80)
    least = round(width * _LEAST)
    return (
        '<div class="vidrec-picture">'
        f'<img src="data:image/png;base64,{data}" width="{width}" '
        f'style="min-width:{least}px" alt="{html.escape(description)}"></div>'
    )
