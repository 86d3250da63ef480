"""HTML as trees of the standard library, which escape whatever they hold."""

import math
from xml.etree import ElementTree

# Stands where there is nothing to tell.
NOTHING = "\u2013"


def element(tag, attributes, *children):
    """One element of a page.

    Args:
        tag: str.
        attributes: dict from str to what `str` writes.
        *children: elements, and str, which is text and never markup.

    Returns:
        `xml.etree.ElementTree.Element`.
    """
    node = ElementTree.Element(
        tag, {name: as_text(value) for name, value in attributes.items()}
    )
    last = None
    for child in children:
        if not isinstance(child, str):
            node.append(child)
            last = child
        elif last is None:
            node.text = (node.text or "") + as_text(child)
        else:
            last.tail = (last.tail or "") + as_text(child)
    return node


def as_text(value):
    """Text that UTF-8 can hold: names of files may not be of it."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def scrolling(label, child, style=""):
    """A box that scrolls what is too wide for the page, with the keyboard
    too."""
    return element(
        "div",
        {
            "class": f"scroll {style}".strip(),
            "role": "region",
            "aria-label": label,
            "tabindex": 0,
        },
        child,
    )


def table(caption, header, rows, numbers):
    """A table in a box of its own.

    Args:
        caption: str.
        header: sequence of str.
        rows: sequence of rows: elements or str, as many as in the header. The
            first is the header of its row.
        numbers: sequence of int. Columns that hold numbers, the others text.

    Returns:
        Element.
    """

    def style(place):
        return {"class": "number"} if place in numbers else {}

    head = [
        element("th", {"scope": "col", **style(place)}, cell)
        for place, cell in enumerate(header)
    ]
    body = [
        element(
            "tr",
            {},
            element("th", {"scope": "row", **style(0)}, first),
            *(
                element("td", style(place), cell)
                for place, cell in enumerate(others, 1)
            ),
        )
        for first, *others in rows
    ]
    return scrolling(
        caption,
        element(
            "table",
            {},
            element("caption", {}, caption),
            element("thead", {}, element("tr", {}, *head)),
            element("tbody", {}, *body),
        ),
    )


def section(name, title, *children):
    """A section under its heading.

    Args:
        name: str. Its place on the page.
        title: str.
        *children: elements.

    Returns:
        Element.
    """
    heading = element("h2", {"id": f"{name}-title"}, title)
    return element(
        "section",
        {"id": name, "aria-labeledby": f"{name}-title"},
        heading,
        *children,
    )


def note(text, *names):
    """A remark, and links to the figures of these names."""
    links = []
    for name in names:
        file = f"figures/{name}.csv"
        links += [" " if links else "", element("a", {"href": file}, file)]
    return element("p", {"class": "note"}, f"{text} " if text else "", *links)


def percent(share):
    """A share from 0 to 1 in words, NaN too."""
    return NOTHING if math.isnan(share) else f"{100 * share:.2f} %"


def interval(low, high):
    """An interval of shares in words, NaN too."""
    if math.isnan(low):
        return NOTHING
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def document(title, style, *children):
    """A whole page as text, which needs nothing beside it.

    Args:
        title: str.
        style: str. CSS.
        *children: elements of the body.

    Returns:
        str.
    """
    viewport = "width=device-width, initial-scale=1"
    page = element(
        "html",
        {"lang": "en"},
        element(
            "head",
            {},
            element("meta", {"charset": "utf-8"}),
            element("meta", {"name": "viewport", "content": viewport}),
            element("meta", {"name": "color-scheme", "content": "light dark"}),
            element("title", {}, title),
            element("style", {}, style),
        ),
        element("body", {}, *children),
    )
    text = ElementTree.tostring(page, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{text}\n"
