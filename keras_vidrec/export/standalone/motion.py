"""Optical flow of resized frames, coded in 8 bits: 128 is no motion."""

import math

import cv2
import numpy as np

from keras_vidrec.export.standalone.decoding import Problem

PAIRS_A_CALL = 8


def flow_codes(pairs, modality, flow, inside):
    """Computes the flow of pairs of frames.

    Args:
        pairs: list of pairs of uint8 arrays `(height, width, 3)`.
        modality: str. `"flow"`, or `"warped_flow"` (the motion of the camera
            is removed).
        flow: dict with `method` and `bound`.
        inside: `None`, or function that computes TV-L1, which the network's
            file contains: from two batches of gray frames to flow in pixels.

    Returns:
        list of uint8 arrays `(height, width, 2)`, the codes of x and y.
    """
    pairs = [
        [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in pair]
        for pair in pairs
    ]
    fields = fields_of(pairs, flow["method"], inside)
    if modality == "warped_flow":
        again = {}
        for number, ((first, second), field) in enumerate(zip(pairs, fields)):
            still = aligned(first, second, field)
            if still is not None:
                again[number] = first, still
        made = fields_of([*again.values()], flow["method"], inside)
        for number, field in zip(again, made):
            fields[number] = field
    bound, middle = flow["bound"], np.float32(127.5)
    step = np.float32(127.5 / bound)
    codes = [np.clip(x, -bound, bound) * step + middle for x in fields]
    return [np.rint(code).astype(np.uint8) for code in codes]


def fields_of(pairs, method, inside):
    """Returns the flow of pairs of gray frames in pixels: list of float32
    arrays `(height, width, 2)`."""
    if method == "tvl1" and inside is not None:
        fields = []
        for start in range(0, len(pairs), PAIRS_A_CALL):
            some = pairs[start : start + PAIRS_A_CALL]
            fields += [*inside(*map(np.stack, zip(*some)))]
        return fields
    make = {"dis": dis, "farneback": farneback, "tvl1": tvl1}[method]
    return [make(*pair) for pair in pairs]


def dis(first, second):
    height, width = first.shape
    below, beside = max(16 - height, 0), max(16 - width, 0)
    first, second = (
        cv2.copyMakeBorder(x, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        for x in (first, second)
    )
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # For small frames OpenCV would choose scales that do not exist.
    patch, sides = method.getPatchSize(), first.shape
    coarsest = min(
        int(math.log2(max(sides) / (4 * patch)) + 0.5),
        int(math.log2(min(sides) // patch)),
    )
    method.setFinestScale(min(method.getFinestScale(), coarsest))
    return method.calc(first, second, None)[:height, :width]


def farneback(first, second):
    settings = (0.5, 5, 13, 10, 5, 1.1, 0)
    return cv2.calcOpticalFlowFarneback(first, second, None, *settings)


def tvl1(first, second):
    if not hasattr(getattr(cv2, "optflow", None), "DualTVL1OpticalFlow_create"):
        raise Problem(
            "the network needs TV-L1 flow, and this OpenCV cannot compute it. "
            "Install opencv-contrib-python-headless instead of "
            "opencv-python-headless, or export the network as a SavedModel, "
            "which contains TV-L1"
        )
    method = cv2.optflow.DualTVL1OpticalFlow_create()
    return method.calc(first, second, None)


def aligned(first, second, flow):
    """Returns the second frame without the motion of the camera, or `None` if
    that motion cannot be found."""
    corners = cv2.goodFeaturesToTrack(first, 1000, 0.001, 3)
    corners = np.empty((0, 2)) if corners is None else corners.reshape(-1, 2)
    columns, rows = corners.astype(np.intp).T
    moved = np.stack([corners, corners + flow[rows, columns]], 1)
    matches = np.concatenate([matched(first, second), moved])
    matches = matches.astype(np.float32)
    if len(matches) <= 50:
        return None
    settings = cv2.UsacParams()
    settings.threshold = 1.0
    settings.confidence = 0.999
    settings.maxIterations = 2000
    settings.randomGeneratorState = 0
    settings.isParallel = False
    homography, inliers = cv2.findHomography(
        matches[:, 0], matches[:, 1], settings
    )
    if homography is None or np.count_nonzero(inliers) <= 25:
        return None
    return cv2.warpPerspective(
        second,
        homography,
        first.shape[::-1],
        dst=first.copy(),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def matched(first, second):
    """Returns points of two frames that look alike: array `(matches, 2, 2)` of
    match, frame, and x and y."""
    none = np.empty((0, 2, 2), np.float32)
    if min(first.shape) < 8:
        return none
    detector = cv2.SIFT.create(1000)
    points, looks = zip(
        *(detector.detectAndCompute(frame, None) for frame in (first, second))
    )
    if not len(points[0]) or len(points[1]) < 2:
        return none
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(*looks, k=2)
    found = [
        (points[0][best.queryIdx].pt, points[1][best.trainIdx].pt)
        for best, other in pairs
        if best.distance < 0.8 * other.distance
    ]
    return np.array(found, np.float32).reshape(-1, 2, 2)
