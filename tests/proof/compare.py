"""Compares two records of `record.py`.

    python compare.py OLD.json NEW.json [--names TABLE.json]

Prints every difference with its path, and exits with 1 if there is any.
Fractions may differ by 1e-4 of themselves or 1e-6, all else by nothing.

The table renames what the old record holds, before it is compared:

    {
      "paths": {"recipes/*/optimiser/name": "recipes/*/optimiser/kind",
                "recipes/*/seed": null},
      "keys": {"optimiser": "optimizer"},
      "values": {"centre": "center"}
    }

`paths` move, or with null drop, all that lies at or below a path; `*` stands
for any one part. They go by old keys on both sides. Then `keys` rename single
parts of every path, and `values` rename texts.
"""

import argparse
import json
import math
import pathlib
import sys


def flatten(value, path=()):
    """Yields pairs of path and text, number, bool, None or empty container."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from flatten(item, (*path, key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from flatten(item, (*path, str(number)))
    else:
        yield path, value


def move(path, old, new):
    """The path where `old` has become `new`; as it is where it is none."""
    old = old.split("/")
    head, tail = path[: len(old)], path[len(old) :]
    if len(head) < len(old) or any(
        part not in ("*", found) for part, found in zip(old, head)
    ):
        return path
    if new is None:
        return None
    stars = (found for part, found in zip(old, head) if part == "*")
    return (*(next(stars) if p == "*" else p for p in new.split("/")), *tail)


def rename(leaves, table):
    renamed = {}
    for path, value in leaves.items():
        for old, new in table.get("paths", {}).items():
            path = path and move(path, old, new)
        if path is None:
            continue
        path = tuple(table.get("keys", {}).get(part, part) for part in path)
        if isinstance(value, str):
            value = table.get("values", {}).get(value, value)
        renamed[path] = value
    return renamed


def same(old, new):
    if {type(old), type(new)} in ({float}, {float, int}):
        return math.isclose(old, new, rel_tol=1e-4, abs_tol=1e-6)
    return type(old) is type(new) and old == new


def differences(old, new):
    for path in sorted({*old, *new}):
        name = "/".join(path)
        if path not in new:
            yield f"{name}: only in the old record: {old[path]!r}"
        elif path not in old:
            yield f"{name}: only in the new record: {new[path]!r}"
        elif not same(old[path], new[path]):
            yield f"{name}: {old[path]!r} became {new[path]!r}"


def main():
    parser = argparse.ArgumentParser(description="Compare two records.")
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--names", type=pathlib.Path)
    arguments = parser.parse_args()
    old, new = (
        dict(flatten(json.loads(path.read_text())))
        for path in (arguments.old, arguments.new)
    )
    if arguments.names:
        old = rename(old, json.loads(arguments.names.read_text()))
    found = list(differences(old, new))
    for difference in found:
        print(difference)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
