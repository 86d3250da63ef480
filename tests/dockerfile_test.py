"""The Dockerfile by the rules of hadolint, as far as its text shows them."""

import json
import pathlib
import re

import keras_vidrec

ROOT = pathlib.Path(keras_vidrec.__file__).parents[1]
# Instructions whose order, or number, in a stage matters.
KNOWN = {
    "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN",
    "USER", "WORKDIR",
}  # fmt: skip


def instructions(text):
    """Yields `(instruction, arguments)`, lines that go on joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, arguments = line.partition(" ")
            yield name, " ".join(arguments.split())


def stages(text):
    """Stages by name: what each is made of, and its instructions."""
    found = {}
    for name, arguments in instructions(text):
        if name == "FROM":
            image, _, stage = arguments.partition(" AS ")
            found[stage] = (image, own := [])
        else:
            own.append((name, arguments))
    return found


def faults(text):
    """What is wrong, one line each."""
    found = stages(text)
    for stage, (image, own) in found.items():
        if image not in found and not re.search(r":\d+\.\d+\.\d+-\w+", image):
            yield f"{stage}: DL3006, the version of {image} is not pinned"
        names = [name for name, _ in own]
        for name in {*names} - KNOWN:
            yield f"{stage}: {name} is not expected"
        for name in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            if names.count(name) > 1:
                yield f"{stage}: DL4003, several {name}"
        for name, arguments in own:
            said = arguments
            if name == "HEALTHCHECK":
                said = arguments.partition(" CMD ")[2]
            if name in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
                try:
                    json.loads(said)
                except ValueError:
                    yield f"{stage}: DL3025, {name} is no list in JSON"
            if name == "RUN":
                pip = re.search(r"\bpip (install|wheel)\b", arguments)
                if pip and "--no-cache-dir" not in arguments:
                    yield f"{stage}: DL3042, pip keeps a cache"
                if re.search(r"\b(sudo|cd)\b|apt(-get)? ", arguments):
                    yield f"{stage}: DL3003, DL3004, DL3008: {arguments}"
            if name == "COPY" and arguments.startswith(". "):
                yield f"{stage}: all files are copied"
    for stage in ("cpu", "gpu"):
        own = [*found[found[stage][0]][1], *found[stage][1]]
        names = [name for name, _ in own]
        for name in ("CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "USER"):
            if name not in names:
                yield f"{stage}: no {name}"
        if own[-1][0] != "USER" or own[-1][1] in ("root", "0"):
            yield f"{stage}: DL3002, it ends as root"


TEXT = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_dockerfile_keeps_the_rules():
    assert not [*faults(TEXT)]
    assert [*stages(TEXT)][-1] == "cpu"  # which is built without --target


def test_the_rules_can_fail():
    for right, wrong, fault in (
        ("3.12.8-slim-bookworm AS base", "latest AS base", "DL3006"),
        ("USER vidrec", "USER root", "DL3002"),
        ("--no-cache-dir", "", "DL3042"),
        ('CMD ["/model",', "CMD /model [", "DL3025"),
        ("EXPOSE 8000", "", "no EXPOSE"),
        ("COPY keras_vidrec ./keras_vidrec", "COPY . .", "all files"),
    ):
        assert right in TEXT
        assert any(fault in one for one in faults(TEXT.replace(right, wrong)))


def test_what_it_names_is_there():
    """Files, the user, the command and its options, the extras."""
    copied = [
        path
        for name, arguments in instructions(TEXT)
        if name == "COPY" and "--from" not in arguments
        for path in arguments.split()[:-1]
    ]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert copied
    for path in copied:
        assert (ROOT / path).exists() and f"!{path}" in ignored
    (program, command), arguments = (
        json.loads(said)
        for name, said in stages(TEXT)["base"][1]
        if name in ("ENTRYPOINT", "CMD")
    )
    assert (program, command) == ("vidrec", "serve")
    source = (ROOT / "keras_vidrec/cli/serving/serve.py").read_text("utf-8")
    for option in arguments:
        if option.startswith("--"):
            assert f"    {option[2:]}: " in source
    setup = (ROOT / "setup.cfg").read_text("utf-8")
    for extras in re.findall(r"\$1\[([\w,]+)\]", TEXT):
        for extra in extras.split(","):
            assert f"\n{extra} =\n" in setup
