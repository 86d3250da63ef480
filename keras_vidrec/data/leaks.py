"""Finds the test videos on which a network, or a network from which it was
made, was trained."""

from keras_vidrec.specs import Origin
from keras_vidrec.specs import VideoSet

# The largest number of videos that an error names.
_NAMED = 3


def video_set(source, indices) -> VideoSet:
    """The `VideoSet` of the videos `indices` of a `Source`: their names, and
    their contents if they are known."""
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
    """Refuses a test on videos on which a network, or any network in its
    origin, was trained, because its figures would be too good.

    Leaks that a mark in the origin states were allowed before, and are allowed
    again. Videos on which the network itself was trained are not reported again
    for its ancestors.

    Args:
        origin: `None` (nothing is known), or `Origin` of the network.
        source: `Source` of the test.
        indices: sequence of int. The videos of the test.
        allow: bool. Whether leaks are allowed and marked instead of an error.
            Defaults to `False`.
        what: str. The name of the network in errors, such as its path. Defaults
            to `"the network"`.

    Returns:
        tuple of str: the marks that every figure of this test must show, those
        of the whole origin and those of new leaks, each a sentence.

    Raises:
        ValueError: if there are leaks that are not allowed. The message has the
            number of videos, the first ones, and the networks that were trained
            on them.
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
    """Returns all marks in the chain of an origin, each once: sentences that
    are shown with the figures of a test."""
    if origin is None:
        return ()
    found = (mark for _, one in origin.generations() for mark in one.marks)
    return tuple(dict.fromkeys(found))


def remarks(origin: Origin | None, what: str = "the network") -> tuple:
    """Returns lines for the user about networks in the chain of an origin whose
    training videos are not known, so that leaks cannot be detected.

    Args:
        origin: `None`, or `Origin` of a network.
        what: str. The name of the network. Defaults to `"the network"`.
    """
    if origin is None:
        origin = Origin("network")
    lines = []
    for path, one in origin.generations():
        if one.kind != "network" or one.parents.keys() & {"rgb", "flow"}:
            continue  # joined networks are reported one by one
        if one.trained_on is None and one.training_list is None:
            name = f"{way(path)} of {what}" if path else what
            lines.append(
                f"The training videos of {name} are not known, so it cannot "
                "be checked whether videos of the test are among them."
            )
    return tuple(lines)


def way(path: tuple) -> str:
    """Describes the path to an ancestor, which `Origin.generations` yields:
    `features > rgb`, or `the network itself` for an empty path."""
    return " > ".join(path) if path else "the network itself"


def _leaks(origin, source, indices):
    """Returns a dict from the path to each network that was trained on test
    videos to their positions in `indices`. Videos of the network itself are
    left out for its ancestors."""
    found = origin.leaks(video_set(source, indices))
    own = {*found.get((), ())}
    others = {
        path: tuple(place for place in places if place not in own)
        for path, places in found.items()
        if path
    }
    found = {(): tuple(own), **others}
    return {path: places for path, places in found.items() if places}
