"""Files that are changed at random, by what such files suffer."""

import copy
import json
import random
import re

# What stands in documents where it was not expected. Numbers stay small where
# they would be sizes of networks, which nobody can refuse before they are made.
NAMES = ("", "x", "\x00", "\ud800", "../..", "=1+1", "\x1b[31m")
HOSTILE = (
    None, True, -1, 0, 1.5, float("nan"), float("inf"), *NAMES, "9" * 5000,
    [], {}, [[]], [None], {"x": 1}, {"": {}},
)  # fmt: skip
TEXTS = (
    "-1", "0", "1e999", "NaN", ".inf", "null", "true", "''", "[]", "{}", "*a",
    "&a [*a]", "!!int x", "!!set {}", "2001-99-99", "1:30", "[" * 3000,
    "\x00", "\ufeff", "\u2028", "\r", "\t", ",", ";", ":", '"', "'", "\\",
    "é", "\x1b[31m", "9" * 5000, "=1+1", "../..", "/", "#", "%s",
)  # fmt: skip


def of_bytes(content, draw):
    """Other bytes, at up to three places."""
    content = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(content) + 1)
        end = start + min(2 ** draw.randrange(12), len(content) - start)
        kind = draw.randrange(6)
        if kind == 0:
            content[start : start + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            content[start:end] = b""
        elif kind == 2:
            content[start:start] = content[start:end]
        elif kind == 3:
            content[start:start] = draw.randbytes(draw.randint(1, 64))
        elif kind == 4:
            content[start:end] = bytes([draw.choice((0, 255))]) * (end - start)
        else:
            del content[start:]
    return bytes(content)


def of_text(content, draw):
    """Other words, lines and bytes."""
    if not draw.randrange(4):
        return of_bytes(content, draw)
    text = content.decode("utf-8")
    if draw.randrange(2):
        words = list(re.finditer(r"[\w.+-]+|[^\w\s]", text))
        word = draw.choice(words)
        new = draw.choice((*TEXTS, draw.choice(words)[0]))
        text = text[: word.start()] + new + text[word.end() :]
    else:
        lines = text.splitlines(True)
        first, second = (draw.randrange(len(lines)) for _ in range(2))
        kind = draw.randrange(3)
        if kind == 0:
            del lines[first]
        elif kind == 1:
            lines.insert(first, lines[second])
        else:
            lines[first], lines[second] = lines[second], lines[first]
        text = "".join(lines)
    return text.encode("utf-8", "surrogatepass")


def of_json(content, draw):
    """Another value, or none, somewhere in a document."""
    if not draw.randrange(4):
        return of_text(content, draw)
    value = json.loads(content)
    parents = [value]
    for parent in parents:
        parents += [
            child
            for child in (
                parent.values() if isinstance(parent, dict) else parent
            )
            if isinstance(child, (dict, list)) and child
        ]
    parent = draw.choice(parents)
    keys = [*parent] if isinstance(parent, dict) else [*range(len(parent))]
    key = draw.choice(keys)
    kind = draw.randrange(4)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[draw.choice(NAMES)] = parent.pop(key)
    elif kind == 2:
        parent[key] = copy.deepcopy(
            draw.choice(draw.choice(([value], parents)))
        )
    else:
        parent[key] = draw.choice(HOSTILE)
    return json.dumps(value, ensure_ascii=draw.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )


def draws(*seed):
    """`random.Random` of a seed of several parts."""
    return random.Random(" ".join(map(str, seed)))
