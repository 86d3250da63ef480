"""The sections of a report that tell how a network came about."""

from keras_vidrec.reporting import curves as report_curves
from keras_vidrec.reporting import markup
from keras_vidrec.reporting.markup import element


def training(report):
    """The curves of the training; `None` without a log."""
    if not report.curves:
        return None
    figures = [
        element(
            "figure",
            {},
            element("h3", {}, curves.title),
            report_curves.draw(curves),
        )
        for curves in report.curves
    ]
    epochs = len(report.curves[0].table.rows)
    return markup.section(
        "training",
        "Training",
        element("p", {}, f"{epochs} epochs."),
        element("div", {"class": "figures"}, *figures),
        markup.note("", *(curves.name for curves in report.curves)),
    )


def speed(report):
    """What was measured of the speed; `None` if nothing was."""
    if not report.speed.rows:
        return None
    return markup.section(
        "speed",
        "Speed",
        markup.table(
            "As measured on the machines of the run",
            ("What", "Unit", "Value"),
            [
                (what, unit, f"{value:.4g}")
                for what, unit, value in report.speed.rows
            ],
            numbers=(2,),
        ),
        markup.note("", "speed"),
    )


def recipe(report):
    """The recipe; `None` if there is none."""
    if report.recipe is None:
        return None
    text = element("pre", {}, report.recipe.to_yaml())
    return markup.section(
        "recipe",
        "Recipe",
        element(
            "p",
            {},
            "Training from this file repeats the run. The figures that it "
            "calls reported are the paper's.",
        ),
        element(
            "details",
            {},
            element("summary", {}, f"recipe.yaml of {report.recipe.name}"),
            markup.scrolling("Recipe", text),
        ),
    )


def environment(report):
    """What the run ran on; `None` if that is not known."""
    if not report.environment:
        return None
    facts = []
    for name, value in report.environment.items():
        facts.append(element("dt", {}, name))
        facts.append(element("dd", {}, value))
    return markup.section(
        "environment",
        "Environment",
        element("dl", {"class": "facts"}, *facts),
    )
