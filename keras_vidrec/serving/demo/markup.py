"""The HTML of the page. All names are escaped."""

import html
import itertools

from keras_vidrec.visualization import figures

# Number of classes in the drawing of a timeline.
_CURVES = 5


class Colors(dict):
    """Dict of a color for each class, by name. It is shared by all parts of
    the page, so that a class has the same color everywhere."""

    def __missing__(self, name):
        color = figures.MANY_COLORS[len(self) % len(figures.MANY_COLORS)]
        self[name] = color
        return color


def heading(name: str, below: str = "") -> str:
    """Returns a heading with the name of one or several networks, and a remark
    below it."""
    title = f'<h2 class="vidrec-run">{html.escape(name)}</h2>'
    return title + remark(below) if below else title


def remark(text: str) -> str:
    """Returns a paragraph of less important text."""
    return f'<p class="vidrec-faint">{html.escape(text)}</p>'


def status(text: str, failed: bool = False) -> str:
    """Returns the line with the state of the page, or with an error if
    `failed`."""
    kind = ' vidrec-failed" role="alert' if failed else '" role="status'
    return f'<p class="vidrec-status{kind}">{html.escape(text)}</p>'


def described(video, answers):
    """Returns a description of a video and the remarks about it: str.

    Args:
        video: `Taken`.
        answers: sequence of `Answer`, at least one.
    """
    health = answers[0].prediction.health
    remarks = [f"{video.name}: {health.num_frames} frames"]
    remarks[0] += f" of {health.width} x {health.height}, {video.seconds:.1f} s"
    for answer in answers:
        remarks += answer.prediction.health.remarks
        remarks += (f"{answer.run}: {r}" for r in answer.prediction.remarks)
    return "; ".join(dict.fromkeys(remarks)) + "."


def answer(found, seconds, colors):
    """Returns the HTML of an answer: the classes, their probabilities and the
    timeline.

    Args:
        found: `Answer`.
        seconds: float. Length of the video.
        colors: `Colors`.
    """
    prediction = found.prediction
    parts = []
    if prediction.present is not None:
        shown = ", ".join(prediction.present) or "none of the classes"
        parts.append(f"<p>Shows: <b>{html.escape(shown)}</b></p>")
    parts.append(_classes(prediction, colors))
    if found.timeline is not None:
        parts.append(_timeline(found, seconds, colors))
    if found.remark:
        parts.append(remark(found.remark))
    return "".join(parts)


def _classes(prediction, colors):
    rows = []
    for name, value in zip(prediction.classes, prediction.probabilities):
        text = html.escape(name)
        rows.append(
            f'<li data-class="{text}" data-probability="{value:.6f}">'
            f'<span class="vidrec-name">{text}</span>'
            f'<span class="vidrec-value">{100 * value:.1f} %</span>'
            f'<span class="vidrec-bar"><i style="width:{100 * value:.2f}%;'
            f'background:{colors[name]}"></i></span></li>'
        )
    return f'<ol class="vidrec-classes">{"".join(rows)}</ol>'


def _timeline(found, seconds, colors):
    """Returns the HTML of a timeline: the curves of probabilities, the
    segments below them, and a list of the segments. A click on any of them
    seeks the video (`page.js`)."""
    timeline = found.timeline
    length = max(seconds, timeline.windows[-1].end)
    window = timeline.windows[0].end - timeline.windows[0].start
    number = len(timeline.windows)
    told = (
        f"When: {number} windows of {window:.2f} s"
        if number > 1
        else f"When: a window of {window:.2f} s"
    )
    curves = _curves(timeline, length, colors)
    bars = [
        f'<i style="left:{100 * one.start / length:.3f}%;'
        f"width:{100 * (one.end - one.start) / length:.3f}%;"
        f'background:{colors[one.name]}"></i>'
        for one in found.segments
    ]
    listed = [
        f'<li><button type="button" data-seek="{one.start:.3f}">'
        f'<i style="background:{colors[one.name]}"></i>'
        f"<span>{one.start:.1f} to {one.end:.1f} s</span> "
        f"<b>{html.escape(one.name)}</b> "
        f"<span>{100 * one.score:.0f} %</span></button></li>"
        for one in found.segments
    ]
    return (
        f"{remark(told)}"
        f'<div class="vidrec-track" data-length="{length:.3f}">{curves}'
        f'<div class="vidrec-segments">{"".join(bars)}</div>'
        '<div class="vidrec-now"></div></div>'
        '<div class="vidrec-scale"><span>0 s</span>'
        f"<span>{length:.1f} s</span></div>"
        f'<ul class="vidrec-moments">{"".join(listed)}</ul>'
    )


def _curves(timeline, length, colors):
    """Returns an `svg` element with the curves of the best classes of windows,
    then those with the highest means."""
    best = [name for w in timeline.windows for name, _ in timeline.best(w)]
    means = timeline.probabilities.mean(axis=0)
    ranked = sorted(zip(-means, timeline.classes))
    names = dict.fromkeys([*best, *(name for _, name in ranked)])
    lines = []
    for name in itertools.islice(names, _CURVES):
        place = timeline.classes.index(name)
        points = " ".join(
            f"{100 * seconds / length:.3f},{100 - 100 * value:.3f}"
            for seconds, value in _steps(timeline.windows, place)
        )
        lines.append(
            f'<polyline points="{points}" stroke="{colors[name]}">'
            f"<title>{html.escape(name)}</title></polyline>"
        )
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        f'aria-label="Probabilities over time">{"".join(lines)}</svg>'
    )


def _steps(windows, place):
    """Returns the points `(seconds, probability)` of a curve: at the middle of
    each window, at the start of the first and at the end of the last, so that
    a single window is drawn as a line, too."""
    middles = [
        ((one.start + one.end) / 2, one.probabilities[place]) for one in windows
    ]
    first = windows[0].start, middles[0][1]
    last = windows[-1].end, middles[-1][1]
    return [first, *middles, last]
