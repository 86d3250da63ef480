"""Warnings about the files of a dataset: lost frames and unusual properties."""

import collections
import concurrent.futures
import contextlib
import os
import typing

import tqdm

from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.data.sources.video_files import VideoFiles
from keras_vidrec.specs import FrameSpec
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos.health import Health
from keras_vidrec.videos.video import VideoError

# The largest share of lost frames of a clip that is used in training.
MOST_LOST = 0.1
# The least ratio of frame rates that are different: 30 and 29.97 are the same.
_MIXED = 1.05
# The largest number of clips that messages name.
_NAMED = 5

# Pairs: whether a `Health` has an unusual property, and its description.
_ODD = (
    (
        lambda health: 0 < health.lost_share <= MOST_LOST,
        f"damaged or lost frames, at most {MOST_LOST:.0%} of all",
    ),
    (
        lambda health: health.interlaced,
        "interlaced frames, which mix two moments (`deinterlace` separates "
        "them)",
    ),
    (
        lambda health: health.variable_rate,
        "a variable frame rate (`fps` samples frames at one rate)",
    ),
    (
        lambda health: health.frame_rate is None and health.num_frames > 1,
        "no usable time stamps",
    ),
    (
        lambda health: health.hdr,
        "high dynamic range, which is mapped to BT.709",
    ),
    (
        lambda health: health.rotation,
        "rotated frames, which are turned upright",
    ),
    (
        lambda health: health.pixel_aspect != 1,
        "non-square pixels, which are kept as they are stored",
    ),
)


def look(source, indices, frame=None, verbose=False) -> dict[int, Health]:
    """Checks the files of some videos, several at the same time. The results
    are stored beside the files if possible, so the next check is quick.

    Args:
        source: a `Source`.
        indices: sequence of int. Videos.
        frame: `None`, or the `FrameSpec` by which they will be read. Defaults
            to `None`.
        verbose: bool. Whether to show a progress bar on a terminal. Defaults
            to `False`.

    Returns:
        dict from index to `Health`, without videos whose health is unknown or
        which cannot be read; reading these raises an error with the reason.
    """
    if isinstance(source, VideoFiles) and frame is not None:
        source = source.seen_as(FrameSpec(deinterlace=frame.deinterlace))

    def health(index):
        try:
            return source.health(index)
        except (VideoError, OSError):
            return None

    with contextlib.ExitStack() as stack:
        each: typing.Callable = map
        # Other sources do not decode files for this, so they need no threads.
        if isinstance(source, VideoFiles):
            threads = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
            each = stack.enter_context(threads).map
            stack.callback(source.save)
        found = tqdm.tqdm(
            each(health, indices),
            desc="look at videos",
            total=len(indices),
            unit="video",
            disable=None if verbose else True,  # None: shown on a terminal
        )
        looks = dict(zip(indices, found))
    return {i: health for i, health in looks.items() if health is not None}


def damaged(source, healths) -> dict[int, str]:
    """Returns the clips that have lost more than a tenth of their frames.

    Args:
        source: a `Source`.
        healths: dict from index to `Health`, as `look` returns it.

    Returns:
        dict from index to a description of what is lost.
    """
    found = {}
    for index, health in healths.items():
        share = source.lost_share(index)
        if share > MOST_LOST:
            # The first remarks of a `Health` are about damage.
            kinds = health.damaged, health.missing, health.lost_at_end
            count = sum(number > 0 for number in kinds)
            why = "; ".join(health.remarks[:count])
            found[index] = f"{share:.0%} of its frames are lost: {why}"
    return found


def named(source, problems) -> list[str]:
    """Returns lines for the user about the first few damaged clips.

    Args:
        source: a `Source`.
        problems: dict from index to a description, as `damaged` returns it.
    """
    rows = [f"{source.videos[i]}: {text}" for i, text in problems.items()]
    lines = rows[:_NAMED]
    if len(rows) > _NAMED:
        lines.append(f"and {len(rows) - _NAMED} more")
    return lines


def remarks(source, healths, frame=None) -> list[str]:
    """Returns lines for the user about unusual properties of the files of some
    clips, one for each property.

    Args:
        source: a `Source`.
        healths: dict from index to `Health`, as `look` returns it.
        frame: `None`, or the `FrameSpec` by which they are read. Defaults to
            `None`.
    """
    files: dict = {}
    for index, health in healths.items():
        files.setdefault(source.files[index], health)
    lines = []
    for is_odd, how in _ODD:
        names = [name for name, health in files.items() if is_odd(health)]
        if names:
            lines.append(f"Videos with {how}: {first_of(names)}.")
    fps = frame and frame.fps
    if fps:
        slow = [
            name
            for name, health in files.items()
            if health.frame_rate and fps > _MIXED * health.frame_rate
        ]
        if slow:
            lines.append(
                f"Videos with fewer frames per second than fps={fps:g}, "
                f"whose frames are therefore repeated: {first_of(slow)}."
            )
    else:
        lines += _mixed_rates(files.values())
    return lines


def report(source, frame=None) -> list[str]:
    """Returns lines for the user about the damaged videos and the unusual
    properties of a prepared dataset, which stores the health of its files.

    Args:
        source: `Source` of a prepared dataset.
        frame: as for `remarks`.
    """
    found = look(source, range(len(source.videos)))
    lost = damaged(source, found)
    lines = []
    if lost:
        lines.append(f"Damaged clips, excluded from training: {len(lost)}.")
        lines += named(source, lost)
    return [*lines, *remarks(source, found, frame)]


def _mixed_rates(healths):
    """Yields a line for the user if videos have different frame rates."""
    rates = collections.Counter(
        round(health.frame_rate, 2) for health in healths if health.frame_rate
    )
    if not rates or max(rates) < _MIXED * min(rates):
        return
    shown = ", ".join(
        f"{rate:g} ({counted(count, 'video')})"
        for rate, count in rates.most_common(5)
    )
    yield (
        "Frame rates are mixed, so that the same motion looks slow in one "
        f"video and fast in another: {shown} frames a second. `fps` samples "
        "frames at one rate."
    )
