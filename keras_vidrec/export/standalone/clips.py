"""Which images of a video a network gets, and which crops of them."""

import cv2
import numpy as np

from keras_vidrec.export.standalone.frames import size_of

TEST_SHARE = 224 / 256  # side of a crop / shorter side of the frame


def crops_of(kind, height, width, size):
    """Returns a list of crops `(top, left, height, width, mirrored)`, and the
    size `(height, width)` that they are resized to."""
    if kind in ("frame", "frame_and_mirror"):
        mirrors = (False, True) if kind == "frame_and_mirror" else (False,)
        shown = size_of(f"short{round(size / TEST_SHARE)}", height, width)
        return [(0, 0, height, width, mirror) for mirror in mirrors], shown
    side = max(round(TEST_SHARE * min(height, width)), 1)
    bottom, right = height - side, width - side
    corners = [(y, x) for y in (0, bottom) for x in (0, right)]
    places = [*(corners if kind == "ten" else ()), (bottom // 2, right // 2)]
    mirrors = (False, True) if kind == "ten" else (False,)
    crops = [(*at, side, side, mirror) for mirror in mirrors for at in places]
    return crops, (size, size)


def cut(image, crop, size, mirrors_x):
    """Returns a crop of an image, resized. `mirrors_x` is for images of flow:
    a mirrored crop gets the opposite x motion."""
    top, left, height, width, mirror = crop
    part = image[top : top + height, left : left + width]
    if part.shape[:2] != size:
        part = cv2.resize(part, size[::-1], interpolation=cv2.INTER_LINEAR)
    if mirror:
        part = cv2.flip(part, 1)
        if mirrors_x:  # motion to the right becomes motion to the left
            part = part ^ np.array([255, 0], np.uint8)
    return part


def starts_of(counts, clip, test):
    """Returns the index of each snippet: array of int, clip by clip. `counts`
    has the number of images of the video by modality."""
    clips, segments = test["num_clips"], test["num_segments"]
    length, scheme = clip["snippet_length"], test["sampling"]
    k = np.arange(segments)
    if scheme in ("spread", "chunks"):
        images = {m: num_images(m, length) for m in counts}
        before = {m: before_index(m, clip, test) for m in counts}
        first = max(before.values())
        last = min(n - images[m] + before[m] for m, n in counts.items())
        if last < first:
            first = last = max((first + last) // 2, 0)
        room, gaps = last - first, max(segments - 1, 1)
        if scheme == "spread":
            if segments == 1:
                return np.array([(first + last) // 2])
            return first + (2 * k * room + gaps) // (2 * gaps)
        if room < segments - 1:
            return np.tile(first + k * room // gaps, clips)
        distance = min(test["stride"], room // gaps)
        spare = room - (segments - 1) * distance
        begins = np.array([spare // 2])
        if clips > 1:
            begins = np.arange(clips) * spare // (clips - 1)
        return (first + begins[:, None] + k * distance).reshape(-1)
    if scheme == "feature_grid":
        n = max(min(n - (not is_flow(m)) for m, n in counts.items()), 1)
        starts = 4 + k * max(1, (n - 9) // segments)
        return np.minimum(starts, max(n - 6, 0))
    forward = test["alignment"] == "forward"
    lengths = {m: num_images(m, length) if forward else 1 for m in counts}
    least = min(counts, key=lambda m: (counts[m] - lengths[m], counts[m]))
    last = counts[least] - lengths[least]  # last possible start
    if scheme == "tsn_caffe":
        step = max(last // (segments - 1), 0) if segments > 1 else 0
        return k * step if segments > 1 else np.array([max(last, 0) // 2])
    if scheme == "tsn_pytorch":
        duration = max(last + 1, 0) / segments
        return np.floor(duration / 2 + duration * k).astype(int)
    k = 2 * np.arange(segments * clips) + 1  # uniform
    starts = k * (max(last, 0) + 1) // (2 * segments * clips)
    return starts.reshape(segments, clips).T.reshape(-1)


def is_flow(modality):
    return modality in ("flow", "warped_flow")


def num_images(modality, length):
    if modality == "rgb":
        return 1
    return length + (modality == "rgb_diff")


def before_index(modality, clip, test):
    """Returns the number of images of a snippet before its index."""
    length = clip["snippet_length"]
    before = {"forward": 0, "backward": length - 1}
    before |= {"centered": length // 2, "centered_late": (length - 1) // 2}
    return min(before[test["alignment"]], num_images(modality, length) - 1)
