"""The sections of a report that tell what a test has shown."""

import base64

from keras_vidrec.reporting import markup
from keras_vidrec.reporting import matrix
from keras_vidrec.reporting.markup import element

# Classes that are shown at once; all are below, to be opened.
_HARDEST = 12


def accuracy(report):
    """The accuracies of all tests, and what the paper reports."""
    rows = []
    for row, scores in zip(report.tests.rows, report.scores.values()):
        name, videos, labeled, top_1, low, high, top_5, mean = row
        rows.append(
            (
                name,
                markup.percent(top_1),
                markup.interval(low, high),
                markup.percent(top_5),
                markup.percent(mean),
                str(videos if videos == labeled else f"{labeled}/{videos}"),
                _how(scores.meta),
            )
        )
    parts = [
        markup.table(
            "Measured",
            (
                "Test",
                "Top-1",
                "95 % interval",
                "Top-5",
                "Mean class",
                "Videos",
                "How",
            ),
            rows,
            numbers=range(1, 6),
        ),
        markup.note(
            "Share of the videos whose class is the first, or among the first "
            "five; mean of the accuracies of the classes. The interval is "
            "Wilson's. It takes the videos for independent ones; clips cut "
            "from one video are not, and the true interval is wider.",
            "tests",
        ),
    ]
    if report.recipe is not None and report.recipe.reported:
        parts.append(
            markup.table(
                "Not measured here: what the paper reports",
                ("The paper's", "Accuracy", "Dataset", "Measured on"),
                [
                    (
                        figure.source,
                        f"{figure.accuracy:g} %",
                        figure.dataset,
                        figure.note,
                    )
                    for figure in report.recipe.reported
                ],
                numbers=(1,),
            )
        )
    return markup.section("accuracy", "Accuracy", *parts)


def classes(report):
    """The hardest classes, and all of them to be opened."""
    if not report.labeled:
        return markup.section(
            "classes",
            "Classes",
            element("p", {}, "No figures: no video has a label."),
        )
    rows = [row for row in report.classes.rows if row[1]]
    hardest = [row for row in rows if row[2] < 1][:_HARDEST]
    parts = _of_which(report)
    if hardest:
        parts.append(_class_table("The hardest classes", hardest))
    else:
        parts.append(
            element("p", {}, "Every class is recognized without a mistake.")
        )
    if len(rows) > len(hardest):
        parts.append(
            element(
                "details",
                {},
                element("summary", {}, f"All {len(rows)} classes with videos"),
                _class_table("All classes, the hardest first", rows),
            )
        )
    return markup.section(
        "classes", "Hardest classes", *parts, markup.note("", "classes")
    )


def confusion(report):
    """The confusion matrix; `None` without labels."""
    if not report.labeled:
        return None
    key = element(
        "p",
        {"class": "note"},
        "A row is a class, a column what its videos were taken for; the "
        "fuller the color, the larger the share of the class.",
        element("span", {"class": "key hit"}),
        "recognized",
        element("span", {"class": "key miss"}),
        "mistaken",
    )
    return markup.section(
        "confusion",
        "Confusion matrix",
        key,
        matrix.confusion_matrix(report.main),
        markup.note("", "confusion_matrix"),
    )


def mistakes(report):
    """The most confused pairs with frames; `None` if there is none."""
    if not report.mistakes:
        return None
    classes = report.main.classes
    cards = []
    for pair, mistakes in report.mistakes:
        name, other = classes[pair.label], classes[pair.taken_for]
        cards.append(
            element(
                "article",
                {"class": "pair"},
                element("h3", {}, f"{name} \u2192 {other}"),
                element(
                    "div",
                    {"class": "note"},
                    f"{pair.times} of {pair.videos} videos of {name} taken "
                    f"for {other}; the other way round {pair.reverse}.",
                ),
                *(
                    _strip(report, mistake, strip, pair)
                    for mistake, strip in mistakes
                ),
            )
        )
    return markup.section(
        "mistakes",
        "Most confused pairs",
        element(
            "p",
            {},
            "Of each pair the mistakes that the network was most certain of. "
            f"{report.frames_told}",
        ),
        element("div", {"class": "pairs"}, *cards),
        markup.note("", "confused_pairs", "mistakes"),
    )


def _class_table(caption, rows):
    def cells(name, videos, accuracy, precision, _, taken_for, times):
        bar = element("span", {"style": f"width: {100 * accuracy:.1f}%"})
        return (
            name,
            element(
                "span",
                {},
                markup.percent(accuracy),
                element("span", {"class": "bar", "aria-hidden": "true"}, bar),
            ),
            f"{taken_for} ({times} of {videos})" if times else markup.NOTHING,
            markup.percent(precision),
            str(videos),
        )

    return markup.table(
        caption,
        ("Class", "Accuracy", "Most often taken for", "Precision", "Videos"),
        [cells(*row) for row in rows],
        numbers=(1, 3, 4),
    )


def _strip(report, mistake, strip, pair):
    classes = report.main.classes
    video = report.main.videos[mistake.video]
    shown = []
    if strip is not None and strip.problem:
        shown = [element("p", {"class": "missing note"}, strip.problem)]
    elif strip is not None:
        images = [
            element(
                "img",
                {
                    "src": _data_uri(jpeg),
                    "alt": f"frame {frame} of {video}",
                },
            )
            for frame, jpeg in strip.frames
        ]
        shown = [element("div", {"class": "strip"}, *images)]
    return element(
        "figure",
        {},
        *shown,
        element(
            "figcaption",
            {},
            f"{video}: {classes[pair.taken_for]} leads by "
            f"{mistake.margin:.3g}, {classes[pair.label]} at place "
            f"{mistake.rank}",
        ),
    )


def _of_which(report):
    if len(report.scores) == 1:
        return []
    name = next(iter(report.scores))
    told = f"Classes, confusions and mistakes are those of the test {name}."
    return [element("p", {}, told)]


def _how(meta):
    """What the network saw, in a few words."""
    if "fusion_weights" in meta:
        weights = " : ".join(f"{w:g}" for w in meta["fusion_weights"])
        kind = "probabilities" if meta.get("softmax") else "scores"
        normalize = meta.get("normalize")
        normed = f", {normalize} norm" if normalize else ""
        return f"fused {weights} of {kind}{normed}"
    told = [
        f"{meta[name]} {unit}" if unit else str(meta[name])
        for name, unit in (
            ("protocol", "protocol"),
            ("modality", ""),
            ("num_segments", "segments"),
            ("num_clips", "clips"),
            ("crops", "crops"),
            ("sampling", "grid"),
        )
        if meta.get(name) is not None and (name, meta[name]) != ("num_clips", 1)
    ]
    return ", ".join(told) or markup.NOTHING


def _data_uri(jpeg):
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
