import json as json_format

import typer

from keras_vidrec.cli import options
from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend

_ALTERED = "altered"


def presets(
    name: str = typer.Argument(
        None, help=("Name of a network to show in detail.")
    ),
    json: bool = typer.Option(False, "--json", help="As JSON."),
    fetch: bool = typer.Option(
        False,
        "--fetch",
        help="Download the file, or the files of a pair, into the cache.",
    ),
    trust_first_download: options.Trust = False,
):
    """List the networks that others have published, or show one of them.

    Use the names with `vidrec predict NAME clip.mp4`, `vidrec evaluate NAME
    --data DATA`, `vidrec import-weights preset:NAME`, and `vidrec train RECIPE
    --set initialization.weights=preset:NAME`.
    """
    if fetch and name is None:
        raise typer.BadParameter("Expected a NAME.", param_hint="--fetch")
    load_backend()
    from keras_vidrec.applications import published
    from keras_vidrec.weights import presets

    found = None if name is None else presets.find(name)
    if fetch:
        published.fetch(found, trust_first_download=trust_first_download)
    if json:
        values = [_values(presets.find(one)) for one in presets.names()]
        values = values if found is None else _values(found)
        echo(json_format.dumps(values, indent=1, ensure_ascii=False))
    elif found is None:
        for line in _table(presets):
            echo(line)
    else:
        for line in _all_of(found):
            echo(line)


def _table(presets):
    """Yields the lines of the list of presets."""
    yield (
        "Figures are the authors', in percent, with their tests. The "
        "license is that of the code"
    )
    yield (
        "the weights were published with. `vidrec presets NAME` shows the "
        "address of a file."
    )
    rows = [
        ("name", "network", "trained on", "top-1", "top-5", "MB", "license")
    ]
    here = ["here"]
    for name in presets.names():
        one = presets.find(name)
        parts = _parts(one)
        first = next(iter(parts.values()))
        rows.append(
            (
                name,
                _network(one),
                first.data,
                *(_figure(one.figures.get(kind)) for kind in ("top1", "top5")),
                f"{sum(map(_megabytes, parts.values())):.0f}",
                first.license,
            )
        )
        here.append(" ".join(dict.fromkeys(map(_here, parts.values()))))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row, place in zip(rows, here):
        cells = (cell.ljust(width) for cell, width in zip(row, widths))
        yield f"{'  '.join(cells)}  {place}".rstrip()


def _all_of(found):
    """Yields the lines on one preset or group."""
    yield found.name
    parts = _parts(found)
    yield f"  network: {_network(found)}"
    figures = {"top1": "top-1", "top5": "top-5"}
    stated = ", ".join(
        f"{figures[kind]} {value} %" for kind, value in found.figures.items()
    )
    yield f"  figures (the authors'): {stated or 'none stated'}"
    if found.protocol is not None:
        yield f"  test: {found.protocol.name}"
    if found.note:
        yield f"  note: {' '.join(found.note.split())}"
    for stream, one in parts.items():
        if stream is not None:
            yield f"  {stream}: {one.name}"
        margin = "  " if stream is None else "    "
        for line in _file_of(one):
            yield margin + line


def _file_of(one):
    """Yields the lines on the file of a preset."""
    split = "" if one.split is None else f", split {one.split}"
    yield f"trained on: {one.data}{split}"
    if one.classes is not None:
        names = one.names()
        shown = ", ".join(names[:3]) + ", ..." if names else "names not known"
        yield f"classes: {one.classes} ({shown})"
    yield f"published by: {' '.join(one.source.split())}"
    yield f"license of the code: {one.license}"
    yield f"file: {one.published_file.description}, {one.format}"
    if one.member is not None:
        yield f"in the archive: {one.member}"
    for address in one.addresses:
        yield f"address: {address} ({one.state})"
    if one.package is not None:
        yield f"package: {one.package} ({one.state})"
    yield f"here: {_place(one) or 'no'}"


def _parts(one):
    """Returns a dict of the presets of a group by stream, or of one preset by
    `None`."""
    return getattr(one, "streams", {None: one})


def _network(one):
    """Describes the network of a preset or group: application, backbone and
    modalities."""
    parts = _parts(one)
    if None not in parts:
        weights = one.fusion_weights or dict.fromkeys(parts, 1)
        ratio = ":".join(f"{weights[stream]:g}" for stream in parts)
        first = one.first
        streams = " + ".join(parts)
        return f"{first.application} {_backbone(first)} {streams} {ratio}"
    seen = one.modality or "rgb + flow"
    if one.application is None:
        return f"backbone {_backbone(one)} {seen}"
    return f"{one.application} {_backbone(one)} {seen}"


def _backbone(one):
    backbone = one.arguments["backbone"]
    if isinstance(backbone, dict):
        return "/".join(backbone.values())
    return backbone


def _megabytes(one):
    return one.size / 2**20 if one.size else one.megabytes or 0


def _figure(value):
    return "" if value is None else f"{value:.2f}"


def _here(one):
    """Returns whether the file of a preset is on this machine: `"yes"`, `"-"`,
    or `"altered"`."""
    place = _place(one)
    return place if place == _ALTERED else "yes" if place else "-"


def _place(one):
    """Returns the path of the file of a preset, `None` if it is not on this
    machine, or `"altered"` if its hash is wrong."""
    try:
        path = one.find()
    except ValueError:
        return _ALTERED
    return None if path is None else str(path)


def _values(one):
    """Returns a preset or group as a dict for JSON."""
    parts = {
        stream: {**preset.to_dict(), "path": _place(preset)}
        for stream, preset in _parts(one).items()
    }
    if None in parts:
        return parts[None]
    values = {
        name: getattr(one, name)
        for name in (
            "name",
            "fusion_weights",
            "clip",
            "test",
            "figures",
            "note",
        )
    }
    return {**values, "streams": parts}
