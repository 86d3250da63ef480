"""The page of a report."""

from keras_vidrec.reporting import course
from keras_vidrec.reporting import markup
from keras_vidrec.reporting import results
from keras_vidrec.reporting.markup import element
from keras_vidrec.reporting.style import STYLE
from keras_vidrec.version import __version__

_SECTIONS = (
    results.accuracy,
    results.classes,
    results.confusion,
    results.mistakes,
    course.training,
    course.speed,
    course.recipe,
    course.environment,
)


def write(report):
    """The page as HTML that needs nothing beside it.

    Args:
        report: `report.Report`.

    Returns:
        str.
    """
    sections = [make(report) for make in _SECTIONS]
    sections = [section for section in sections if section is not None]
    places = [
        element(
            "li",
            {},
            element(
                "a", {"href": f"#{section.get('id')}"}, section[0].text or ""
            ),
        )
        for section in sections
    ]
    contents = element("ul", {}, *places)
    return markup.document(
        report.title,
        STYLE,
        element(
            "header",
            {},
            element("h1", {}, report.title),
            *_lead(report),
            _tiles(report),
            element("nav", {"aria-label": "Sections"}, contents),
        ),
        element("main", {}, *sections),
        element(
            "footer",
            {},
            f"Made by keras-vidrec {__version__}. The figures of this page "
            "lie as CSV in the directory figures beside it.",
        ),
    )


def _lead(report):
    if report.recipe is not None and report.recipe.summary:
        yield element("p", {"class": "lead"}, report.recipe.summary)


def _tiles(report):
    row = dict(zip(report.tests.header, report.tests.rows[0]))
    interval = markup.interval(row["top_1_low_95"], row["top_1_high_95"])
    tiles = (
        (
            "Top-1 accuracy",
            markup.percent(row["top_1"]),
            f"95 %: {interval}",
        ),
        ("Top-5 accuracy", markup.percent(row["top_5"]), ""),
        (
            "Mean class accuracy",
            markup.percent(row["mean_class_accuracy"]),
            "",
        ),
        ("Videos", str(row["videos"]), f"{row['labeled']} with a label"),
    )
    return element(
        "dl",
        {"class": "tiles"},
        *(
            element(
                "div",
                {},
                element("dt", {}, name),
                element(
                    "dd", {}, value, element("span", {"class": "range"}, more)
                ),
            )
            for name, value, more in tiles
        ),
    )
