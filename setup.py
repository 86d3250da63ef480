"""The description that a package index shows.

Links of `README.md` lead into the repository, which an index does not have
beside it: their words are left, and pictures are left out.
"""

import pathlib
import re

import setuptools


def description(text):
    """Markdown without relative links."""
    text = re.sub(r"^!\[[^\]]*\]\((?!https?:).*\)\n+", "", text, flags=re.M)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", text)


if __name__ == "__main__":
    readme = pathlib.Path(__file__).with_name("README.md")
    setuptools.setup(
        long_description=description(readme.read_text("utf-8")),
        long_description_content_type="text/markdown",
    )
