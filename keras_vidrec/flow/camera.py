"""Estimation and removal of the camera motion between two frames."""

import typing

import cv2
import numpy as np

from keras_vidrec.specs import checks

FEATURES = ("sift", "orb")

# TSN, section 3.1, and the authors' extraction program: camera motion is
# estimated only from more matches and inliers than these.
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

    Points of the two frames are matched by their features, and corners of the
    first frame by the flow; a homography is fitted to all matches by RANSAC
    (threshold 1 pixel), and the second frame is warped back by it. Flow
    computed from `first` to the result is the warped flow (TSN, section 3.1;
    after Wang and Schmid, 2013).

    The result is deterministic, in any thread.

    Args:
        first: uint8 array `(height, width)`, gray.
        second: uint8 array like `first`, the frame after it.
        flow: float array `(height, width, 2)`, x and y in pixels, from
            `first` to `second`.
        features: str. `"sift"` or `"orb"` (faster). Defaults to `"sift"`.

    Returns:
        uint8 array like `second`; `None` if the camera motion cannot be
        estimated, because there are at most 50 matches or at most 25 inliers.

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
    # Pixels that this map takes outside `second` are copied from `first`, so
    # that there is no motion.
    return cv2.warpPerspective(
        second,
        homography,
        (width, height),
        dst=first.copy(),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def _homography(matches: np.ndarray) -> np.ndarray | None:
    """Returns the 3x3 homography of matched points; `None` if too few agree."""
    if len(matches) <= _MIN_MATCHES:
        return None
    # With these settings OpenCV uses a random generator with the given seed
    # instead of the generator of the thread.
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
    """Returns points matched by their features: float32 `(matches, 2, 2)`, for
    each match (x, y) in the first and in the second frame."""
    if min(first.shape) < _MIN_SIDE:
        return np.empty((0, 2, 2), np.float32)
    if features == "sift":
        detector, norm = cv2.SIFT.create(_MAX_FEATURES), cv2.NORM_L2
    else:
        detector, norm = cv2.ORB.create(_MAX_FEATURES), cv2.NORM_HAMMING
    points, descriptors = zip(
        *(detector.detectAndCompute(frame, None) for frame in (first, second))
    )
    # Lowe's ratio compares the two best matches in the second frame.
    if not len(points[0]) or len(points[1]) < 2:
        return np.empty((0, 2, 2), np.float32)
    pairs = cv2.BFMatcher(norm).knnMatch(*descriptors, k=2)
    chosen = [
        (points[0][best.queryIdx].pt, points[1][best.trainIdx].pt)
        for best, other in pairs
        if best.distance < _RATIO * other.distance
    ]
    return np.array(chosen, np.float32).reshape(-1, 2, 2)


def _corners(first: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Returns corners matched by the flow, like `_feature_matches`."""
    corners = cv2.goodFeaturesToTrack(first, _MAX_CORNERS, 0.001, 3)
    if corners is None:
        return np.empty((0, 2, 2), np.float32)
    corners = corners.reshape(-1, 2)
    columns, rows = corners.astype(np.intp).T
    moved = corners + flow[rows, columns]
    return np.stack([corners, moved], 1).astype(np.float32)
