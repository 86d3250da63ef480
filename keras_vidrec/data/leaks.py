"""Videos of a test that a network, or what it was made from, was trained on."""

from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet

# Names that an error lists.
_NAMED = 3


def video_set(source, indices) -> VideoSet:
    """The `VideoSet` of some videos of a `Source`: names, and contents as far
    as they are known."""
    contents = getattr(source, "contents", None)
    return VideoSet.of(
        [source.videos[index] for index in indices],
        contents and [contents[index] for index in indices],
    )


def check(
    origin: Origin | None,
    source,
    indices,
    *,
    allow: bool = False,
    what: str = "the network",
) -> tuple:
    """Refuses a test on videos that a network, or anything in its origin, was
    trained on: its figures would be too good.

    What a mark of the origin says already has been allowed before, and passes.
    Videos that the network itself was trained on are not listed again for its
    ancestors.

    Args:
        origin: `None` (nothing is known), or `Origin` of the network.
        source: `Source` of the test.
        indices: sequence of int. The videos of the test.
        allow: bool. Whether leaks pass, and are marked. Defaults to `False`.
        what: str. What an error calls the network, such as its path. Defaults
            to `"the network"`.

    Returns:
        tuple of str: the marks that every figure of this test must show, those
        of the whole origin and those of what leaks here, each a sentence.

    Raises:
        ValueError: if videos leak: how many, the first ones, and by which way.
    """
    known = marks(origin)
    found = {} if origin is None else _leaks(origin, source, indices)
    said = {
        path: f"{len(places)} of {len(indices)} videos of the test were "
        f"trained on by {way(path)}."
        for path, places in found.items()
    }
    new = {path: mark for path, mark in said.items() if mark not in known}
    if allow or not new:
        return (*known, *new.values())
    leaked = sorted({place for path in new for place in found[path]})
    names = [repr(source.videos[indices[place]]) for place in leaked]
    listed = ", ".join(names[:_NAMED]) + (", ..." if names[_NAMED:] else ".")
    ways = ", ".join(f"{way(path)} ({len(found[path])})" for path in new)
    raise ValueError(
        f"Videos of the test were trained on, {len(leaked)} of "
        f"{len(indices)}: {listed} Expected a test of videos that neither "
        f"{what} nor a network it was made from was trained on; allow_leak "
        f"(--allow-leak) allows it and marks each figure. Received: {what}, "
        f"where they were trained on by: {ways}"
    )


def marks(origin: Origin | None) -> tuple:
    """All marks in the chain of an origin, each once: what is said beside a
    figure."""
    if origin is None:
        return ()
    found = (mark for _, one in origin.generations() for mark in one.marks)
    return tuple(dict.fromkeys(found))


def remarks(origin: Origin | None, what: str = "the network") -> tuple:
    """Lines on those in the chain of an origin whose training videos are not
    known, so that leaks cannot be detected.

    Args:
        origin: `None`, or `Origin` of a network.
        what: str. What the network is called. Defaults to `"the network"`.
    """
    if origin is None:
        origin = Origin("network")
    lines = []
    for path, one in origin.generations():
        if one.kind != "network" or one.parents.keys() & {"rgb", "flow"}:
            continue  # of several networks, each says it for itself
        if one.trained_on is None and one.training_list is None:
            name = f"{way(path)} of {what}" if path else what
            lines.append(
                f"The training videos of {name} are not known, so it cannot "
                "be checked whether videos of the test are among them."
            )
    return tuple(lines)


def way(path: tuple) -> str:
    """The way to an ancestor, as of `Origin.generations`, in words."""
    return " > ".join(path) if path else "the network itself"


def _leaks(origin, source, indices):
    """Places in `indices` by the way to who was trained on these videos: the
    network itself, or else its ancestors."""
    found = origin.leaks(video_set(source, indices))
    own = {*found.get((), ())}
    others = {
        path: tuple(place for place in places if place not in own)
        for path, places in found.items()
        if path
    }
    found = {(): tuple(own), **others}
    return {path: places for path, places in found.items() if places}
