"""Pictures of what networks see, as the page holds them."""

import base64
import html
import io

from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import FlowSpec
from keras_vidrec.visualization import flow_figure

_DPI = 110
# Of its width: how small it may be drawn.
_LEAST = 0.6
_FAST = FlowSpec("dis")
_FLOWS = ("flow", "warped_flow")


def explained(recognizer, video, class_name=None):
    """Where a network sees a class in a video, as `Recognizer.explain`: an
    image of a page."""
    figure = recognizer.explain(video.path, class_name)
    title = " ".join(text.get_text() for text in figure.texts)
    return image(figure, title)


def flows_of(recognizers):
    """How the flow is made that networks see: dict from `FlowSpec` and
    `FrameSpec`, which several may share, to their names. Where none sees flow,
    it is made by the fastest method, of the frames of the first one.

    Args:
        recognizers: dict from their names to `Recognizer`.
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
    """Frames of a video and their flow: an image of a page; `how` is a key
    of `flows_of`."""
    shown = flow_figure.read(video.path, how[0], frame=how[1])
    return image(flow_figure.draw(shown), f"Optical flow of {video.name}")


def image(figure, description):
    """A figure as HTML. On a phone it is small; a wide one is moved there,
    without the page."""
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
