"""What the camera does between two frames, and the second frame without it."""

import typing

import cv2
import numpy as np

from keras_vidrec.specs import checks

FEATURES = ("sift", "orb")

# TSN, section 3.1, and the authors' extraction program: fewer are no proof of
# a camera's motion.
_MIN_MATCHES = 50
_MIN_INLIERS = 25
_RANSAC_THRESHOLD = 1.0  # pixels

_MAX_FEATURES = 1000
_MAX_CORNERS = 1000
# The smallest level of ORB's pyramid must have a pixel.
_MIN_SIDE = 8
# Lowe's ratio: a match must be clearly better than the next best.
_RATIO = 0.8


def align(
    first: np.ndarray,
    second: np.ndarray,
    flow: np.ndarray,
    features: typing.Literal["sift", "orb"] = "sift",
) -> np.ndarray | None:
    """Aligns the second frame with the first, to remove camera motion.

    Points of the two frames are matched by their features, corners of the
    first frame by the flow; a homography is fitted to all of them by RANSAC
    (threshold 1 pixel), and the second frame is warped back by it. The flow
    of `first` and the result, computed again, is the warped flow (TSN,
    section 3.1; after Wang and Schmid, 2013).

    The same frames give the same result, in any thread.

    Args:
        first: uint8 array `(height, width)`, gray.
        second: uint8 array like `first`, the frame after it.
        flow: float array `(height, width, 2)`, x and y in pixels, from
            `first` to `second`.
        features: str. `"sift"` or `"orb"` (faster). Defaults to `"sift"`.

    Returns:
        uint8 array like `second`, or `None` where the camera's motion cannot
        be found: unless there are more than 50 matches and more than 25 of
        them agree.

    Raises:
        ValueError: if `features` is unknown.
    """
    checks.choice("features", features, FEATURES)
    matches = np.concatenate(
        [_feature_matches(first, second, features), _corners(first, flow)]
    )
    homography = _homography(matches)
    if homography is None:
        return None
    height, width = first.shape
    # With the inverse map, pixel p of the result is pixel H p of `second`.
    # Where that lies outside, the first frame stands: nothing moves there.
    return cv2.warpPerspective(
        second,
        homography,
        (width, height),
        dst=first.copy(),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def _homography(matches):
    """The homography from the first to the second points, or None."""
    if len(matches) <= _MIN_MATCHES:
        return None
    # This estimator draws from a generator of its own with the seed given,
    # not from the thread's.
    settings = cv2.UsacParams()
    settings.threshold = _RANSAC_THRESHOLD
    settings.confidence = 0.999
    settings.maxIterations = 2000
    settings.randomGeneratorState = 0
    settings.isParallel = False
    homography, inliers = cv2.findHomography(
        matches[:, 0], matches[:, 1], settings
    )
    if homography is None or np.count_nonzero(inliers) <= _MIN_INLIERS:
        return None
    return homography


def _feature_matches(first, second, features):
    """Points of both frames, float32 `(matches, 2, 2)`."""
    if min(first.shape) < _MIN_SIDE:
        return np.empty((0, 2, 2), np.float32)
    if features == "sift":
        detector, norm = cv2.SIFT.create(_MAX_FEATURES), cv2.NORM_L2
    else:
        detector, norm = cv2.ORB.create(_MAX_FEATURES), cv2.NORM_HAMMING
    points, descriptors = zip(
        *(detector.detectAndCompute(frame, None) for frame in (first, second))
    )
    # The ratio needs the two best of the second frame.
    if not len(points[0]) or len(points[1]) < 2:
        return np.empty((0, 2, 2), np.float32)
    pairs = cv2.BFMatcher(norm).knnMatch(*descriptors, k=2)
    chosen = [
        (points[0][best.queryIdx].pt, points[1][best.trainIdx].pt)
        for best, other in pairs
        if best.distance < _RATIO * other.distance
    ]
    return np.array(chosen, np.float32).reshape(-1, 2, 2)


def _corners(first, flow):
    """Corners of the first frame and where the flow takes them."""
    corners = cv2.goodFeaturesToTrack(first, _MAX_CORNERS, 0.001, 3)
    if corners is None:
        return np.empty((0, 2, 2), np.float32)
    corners = corners.reshape(-1, 2)
    columns, rows = corners.astype(np.intp).T
    moved = corners + flow[rows, columns]
    return np.stack([corners, moved], 1).astype(np.float32)
