"""The description that a package index shows.

Links of `README.md` lead into the repository, which an index does not have
beside it: their words are left with the path, and pictures are left out.
"""

import pathlib
import re

import setuptools

_PICTURE = re.compile(
    r"^!\[[^\]]*\]\((?!https?:).*\)\n+(\*[^*]+\*\n+)?", re.MULTILINE
)


def description(text):
    """Markdown without relative links, and without pictures of the repository
    and what is said below them."""
    text = _PICTURE.sub("", text)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)([^)]+)\)", _plain, text)


def _plain(link):
    words, path = link.groups()
    return words if words == path else f"{words} ({path})"


if __name__ == "__main__":
    readme = pathlib.Path(__file__).with_name("README.md")
    setuptools.setup(
        long_description=description(readme.read_text("utf-8")),
        long_description_content_type="text/markdown",
    )
