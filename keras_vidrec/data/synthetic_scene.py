"""One synthetic clip: an object moves before a background. What leaves the
frame appears again on the opposite side, as on a torus."""

import dataclasses
import math

import cv2
import numpy as np

# The change of (x, y, log radius) in an event, in units of the clip's speed and
# growth.
EVENTS = {
    "still": (0, 0, 0),
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "grow": (0, 0, 1),
    "shrink": (0, 0, -1),
}

# Lengths are in units of the frame's shorter side.
_RADIUS = (0.18, 0.22)  # of a growing object, in the middle of the clip
_GROWTH = (1.4, 1.6)  # log of the largest radius over the smallest
_STILL_RADIUS = (0.36, 0.48)  # of an object that does not move
_SPEED = (1 / 48, 1 / 24)  # per frame
_SHAKE = 0.01  # amplitude of one sine wave; two are added on each axis
_SHAKE_PERIOD = (16, 40)  # frames
_BLOB = (0.02, 0.06)  # blur of the background's noise

# The object is painted on a square canvas, whose sides are this number of
# pixels, and `2 * _CANVAS_RADII` radii of the object. On a finer canvas small
# objects would show aliasing.
_CANVAS = 56
_CANVAS_RADII = 1.1


@dataclasses.dataclass(frozen=True)
class Scene:
    """All random values of one clip, which determine its frames.

    Args:
        size: pair of int. Height and width of a frame in pixels.
        background: float32 array `(height + 2 m, width + 2 m, 3)`, R G B,
            0..255. A frame shows its middle, moved by the shake; m is the
            margin for that.
        canvas: float32 array `(side, side, 4)`. The object's R G B, 0..255,
            and the signed distance to its border in radii, negative inside.
        positions: float array `(num_frames, 2)`. The object's x and y in
            pixels, modulo the size of the frame.
        radii: float array `(num_frames,)`. The object's radius in pixels.
        shake: float array `(num_frames, 2)`. The movement of the camera: x and
            y in pixels, added to the position of object and background.
    """

    size: tuple
    background: np.ndarray
    canvas: np.ndarray
    positions: np.ndarray
    radii: np.ndarray
    shake: np.ndarray

    def mask(self, index):
        """Returns the share of each pixel of frame `index` that the object
        covers: float32 `(height, width)`, 0..1."""
        return self._object(index)[1]

    def frame(self, index):
        """Returns frame `index`: uint8 `(height, width, 3)`, R G B."""
        height, width = self.size
        margin = (np.array(self.background.shape[:2]) - self.size) // 2
        offset = margin[::-1] - self.shake[index]
        view = cv2.warpAffine(
            self.background,
            np.float64([[1, 0, offset[0]], [0, 1, offset[1]]]),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        colors, mask = self._object(index)
        view += mask[..., None] * (colors - view)
        return np.clip(np.rint(view), 0, 255).astype(np.uint8)

    def _object(self, index):
        """Returns the colors `(height, width, 3)` and the `mask` of the object
        in frame `index`."""
        radius = self.radii[index]
        per_pixel = len(self.canvas) / (2 * _CANVAS_RADII * radius)
        center = (len(self.canvas) - 1) / 2
        axes = []
        for length, position in zip(
            self.size[::-1], self.positions[index] + self.shake[index]
        ):
            distance = np.arange(length) - position
            wrapped = (distance + length / 2) % length - length / 2
            axes.append((center + per_pixel * wrapped).astype(np.float32))
        map_x, map_y = np.meshgrid(*axes)
        warped = cv2.remap(
            self.canvas,
            map_x,
            map_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(0, 0, 0, 1),
        )
        # The border of the object is one pixel wide at every radius.
        return warped[..., :3], np.clip(0.5 - warped[..., 3] * radius, 0, 1)


def draw(
    rng: np.random.Generator,
    pattern: str,
    events: tuple[str, ...],
    *,
    size: tuple[int, int],
    num_frames: int,
) -> Scene:
    """Draws the scene of a clip.

    If anything moves, the distribution of a single frame at a random time is
    the same for all `events`: positions are uniform at every time, and an
    object that does not grow has the radius of a growing one at a random time.
    Only the changes between frames depend on the events. An object that does
    not move at all is large and inside the frame, so that its pattern is
    visible.

    Args:
        rng: `numpy.random.Generator`.
        pattern: str. The pattern of the object: `"noise"`, `"stripes"` or
            `"dots"`.
        events: tuple of str, keys of `EVENTS`, in the order in which they
            happen. Each takes the same time.
        size: pair of int. Height and width of a frame in pixels.
        num_frames: int.

    Returns:
        A `Scene`.
    """
    unit = min(size)
    margin = math.ceil(2 * _SHAKE * unit) + 1
    ground = _noise(
        rng,
        (size[0] + 2 * margin, size[1] + 2 * margin),
        unit * rng.uniform(*_BLOB),
    )
    positions, radii = _draw_paths(rng, events, size, num_frames)
    return Scene(
        size=tuple(size),
        background=_paint(rng, ground, (80, 175), (5, 25)),
        canvas=_draw_canvas(rng, pattern),
        positions=positions,
        radii=radii,
        shake=_draw_shake(rng, num_frames) * unit,
    )


def _draw_paths(rng, events, size, num_frames):
    """Draws the `positions` and `radii` of a `Scene`."""
    unit = min(size)
    time = np.linspace(0, 1, num_frames)
    # The finished share of each event, and the sum of the changes so far.
    over = np.clip(time[:, None] * len(events) - np.arange(len(events)), 0, 1)
    path = over / len(events) @ np.array([EVENTS[name] for name in events])
    start = rng.uniform(0, 1, 2) * size[::-1]
    speed = unit * rng.uniform(*_SPEED)
    positions = start + speed * (num_frames - 1) * path[:, :2]
    middle = rng.uniform(*np.log(_RADIUS))
    growth = rng.uniform(*_GROWTH)
    frozen = time[rng.integers(num_frames)] - 0.5
    growing = path[:, 2] - path[:, 2].mean()
    changes = growing if np.any(growing) else frozen
    radii = unit * np.exp(middle + growth * changes) * np.ones(num_frames)
    if not path.any():
        positions[:] = rng.uniform(0.25, 0.75, 2) * size[::-1]
        radii[:] = unit * rng.uniform(*_STILL_RADIUS)
    return positions % size[::-1], radii


def _draw_shake(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Draws the shake of a `Scene`, in units of the frame's shorter side."""
    shape = (2, 1, 2)  # (waves, frames, axes)
    amplitude = rng.uniform(0, _SHAKE, shape)
    frequency = 2 * np.pi / rng.uniform(*_SHAKE_PERIOD, shape)
    phase = rng.uniform(0, 2 * np.pi, shape)
    frames = np.arange(num_frames)[None, :, None]
    return (amplitude * np.sin(frequency * frames + phase)).sum(axis=0)


def _noise(rng: np.random.Generator, shape: tuple, blur: float) -> np.ndarray:
    """Draws smooth noise in -1..1: float32 array of a shape `(rows,
    columns)`."""
    noise = rng.standard_normal(shape).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.tanh(2 * (blurred - blurred.mean()) / blurred.std())


def _paint(rng, field, middle, contrast):
    """Draws two colors and mixes them by a field in -1..1: float32 array
    `(*field.shape, 3)`."""
    color = rng.uniform(*middle) + rng.uniform(-40, 40, 3)
    change = rng.uniform(*contrast) * rng.uniform(0.6, 1, 3)
    return (color + field[..., None] * change).astype(np.float32)


def _draw_canvas(rng: np.random.Generator, pattern: str) -> np.ndarray:
    """Draws the canvas of a `Scene`."""
    axis = np.linspace(-_CANVAS_RADII, _CANVAS_RADII, _CANVAS)
    x, y = np.meshgrid(axis, axis)
    angle, turn = rng.uniform(0, 2 * np.pi, 2)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    # Drawn for every pattern, so that the other random values do not depend on
    # the pattern.
    noise = _noise(rng, x.shape, _CANVAS * rng.uniform(0.08, 0.13))
    waves = np.pi * rng.uniform(4, 5)
    phases = rng.uniform(0, 2 * np.pi, 2)
    if pattern == "stripes":
        field = np.tanh(3 * np.sin(waves * along + phases[0]))
    elif pattern == "dots":
        lattice = np.sin(waves * along + phases[0]) * np.sin(
            waves * across + phases[1]
        )
        field = np.tanh(8 * (np.abs(lattice) - 0.5))
    else:
        field = noise
    field = field * rng.choice([-1, 1])
    colors = _paint(rng, field, (100, 155), (80, 130))
    distance = _draw_shape(
        rng,
        x * np.cos(turn) + y * np.sin(turn),
        y * np.cos(turn) - x * np.sin(turn),
    )
    return np.dstack([colors, distance]).astype(np.float32)


def _draw_shape(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Returns the signed distance of points x, y to the border of a random
    shape within the unit circle."""
    shapes = (
        np.hypot(x, y) - 0.9,
        np.maximum(abs(x), abs(y)) - 0.7,
        np.maximum(abs(x) * math.sqrt(0.75) + y / 2, -y) - 0.5,
        np.minimum(
            np.maximum(abs(x) - 0.9, abs(y) - 0.4),
            np.maximum(abs(y) - 0.9, abs(x) - 0.4),
        ),
    )
    return shapes[rng.integers(len(shapes))]
