"""Optical flow by OpenCV: fast methods, and Brox's, which older papers used."""

import math
import types
import typing

import cv2
import numpy as np

from keras_vidrec.specs import checks

DIS_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}

# From the programs of two-stream fusion (`gpu_flow`) and TS-LSTM
# (`Optical-flow/optical_flow.cpp`), which use the same values.
BROX_PARAMETERS = types.MappingProxyType(
    {
        "alpha": 0.197,
        "gamma": 50.0,
        "scale_factor": 0.8,
        "inner_iterations": 10,
        "outer_iterations": 77,
        "solver_iterations": 10,
    }
)

# OpenCV's DIS refuses frames below 12 pixels, and returns NaN for some that are
# only slightly higher than its patches.
_MIN_SIDE = 16


def dis_flow(
    first: np.ndarray,
    second: np.ndarray,
    preset: typing.Literal["ultrafast", "fast", "medium"] = "medium",
) -> np.ndarray:
    """Computes optical flow by dense inverse search (Kroeger et al., 2016).

    Thread-safe; the result does not depend on the number of threads.

    Args:
        first: uint8 array `(height, width)`, gray.
        second: uint8 array like `first`, the frame after it.
        preset: str. `"ultrafast"`, `"fast"` or `"medium"`; slower presets are
            more accurate. Defaults to `"medium"`.

    Returns:
        float32 array `(height, width, 2)`, x and y in pixels.

    Raises:
        ValueError: if the preset is unknown.
    """
    checks.choice("preset", preset, DIS_PRESETS)
    height, width = first.shape
    below, beside = max(_MIN_SIDE - height, 0), max(_MIN_SIDE - width, 0)
    first, second = (
        cv2.copyMakeBorder(frame, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        if below or beside
        else np.ascontiguousarray(frame)  # OpenCV refuses views
        for frame in (first, second)
    )
    flow = _dis(preset, *first.shape).calc(first, second, None)
    return np.ascontiguousarray(flow[:height, :width])


def farneback_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Computes optical flow by polynomial expansion (Farneback, 2003), with
    OpenCV's defaults: 5 levels of 1/2, windows of 13 pixels, 10 iterations.

    Thread-safe; the result does not depend on the number of threads.

    Args:
        first: uint8 array `(height, width)`, gray.
        second: uint8 array like `first`, the frame after it.

    Returns:
        float32 array `(height, width, 2)`, x and y in pixels.
    """
    return cv2.calcOpticalFlowFarneback(  # type: ignore[call-overload]
        first,
        second,
        None,
        pyr_scale=0.5,
        levels=5,
        winsize=13,
        iterations=10,
        poly_n=5,
        poly_sigma=1.1,
        flags=0,
    )


def brox_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Computes optical flow by warping (Brox et al., 2004), with OpenCV's
    implementation for GPUs and the parameters of the papers' programs,
    `BROX_PARAMETERS`.

    Thread-safe.

    Args:
        first: uint8 array `(height, width)`, gray.
        second: uint8 array like `first`, the frame after it.

    Returns:
        float32 array `(height, width, 2)`, x and y in pixels.

    Raises:
        ValueError: see `check_brox`.
    """
    check_brox()
    images = []
    for frame in (first, second):
        image = cv2.cuda_GpuMat()  # type: ignore[attr-defined] # CUDA only
        # Gray in 0..1, as in the papers' programs: `gamma` depends on it.
        image.upload(np.ascontiguousarray(frame, np.float32) / np.float32(255))
        images.append(image)
    # A new object for each pair: threads cannot share its memory.
    brox = cv2.cuda_BroxOpticalFlow  # type: ignore[attr-defined] # CUDA only
    algorithm = brox.create(**BROX_PARAMETERS)
    return algorithm.calc(*images, None).download()


def check_brox() -> None:
    """Raises a `ValueError` if `brox_flow` lacks OpenCV's module `cudaoptflow`,
    which no package on PyPI has, or a GPU."""
    expected = (
        "Flow by brox is computed by OpenCV's module cudaoptflow. Expected an "
        "OpenCV that was built from its sources, opencv and opencv_contrib, "
        "with CUDA (`opencv-contrib-python` on PyPI is built without it), and "
        "a GPU; or flow that was computed on another machine, packed by "
        "`vidrec prepare frames --flow brox`. Received: "
    )
    if not hasattr(cv2, "cuda_BroxOpticalFlow"):
        raise ValueError(
            f"{expected}OpenCV {cv2.__version__} without cudaoptflow"
        )
    if cv2.cuda.getCudaEnabledDeviceCount() < 1:
        raise ValueError(
            f"{expected}OpenCV {cv2.__version__}, and no GPU that it can use"
        )


def _dis(preset, height, width):
    """Returns a new object of OpenCV for frames of one size. It stores the
    pyramids of frames, so threads cannot share it."""
    algorithm = cv2.DISOpticalFlow.create(DIS_PRESETS[preset])
    # If frames are too small for the finest scale, OpenCV chooses scales by the
    # width alone, keeps them for later frames, and reads beyond the end of low
    # frames. So limit the finest scale to OpenCV's coarsest one.
    patch = algorithm.getPatchSize()
    coarsest = min(
        int(math.log2(max(height, width) / (4 * patch)) + 0.5),
        int(math.log2(min(height, width) // patch)),
    )
    algorithm.setFinestScale(min(algorithm.getFinestScale(), coarsest))
    return algorithm
