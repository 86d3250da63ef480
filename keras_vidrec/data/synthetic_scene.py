"""One synthetic clip: an object before a background, on a torus."""

import dataclasses
import math

import cv2
import numpy as np

# What an event does to (x, y, log radius), in units of the clip's speed and
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
_RADIUS = (0.18, 0.22)  # of a growing object, at mid time
_GROWTH = (1.4, 1.6)  # log of the largest radius over the smallest
_STILL_RADIUS = (0.36, 0.48)  # of an object that is recognized by its pattern
_SPEED = (1 / 48, 1 / 24)  # a frame
_SHAKE = 0.01  # amplitude of one sine wave; two are added on each axis
_SHAKE_PERIOD = (16, 40)  # frames
_BLOB = (0.02, 0.06)  # blur of the background's noise

# The object is painted on a square canvas of this many pixels, as wide as
# `2 * _CANVAS_RADII` of its radii; a finer one would make small objects alias.
_CANVAS = 56
_CANVAS_RADII = 1.1


@dataclasses.dataclass(frozen=True)
class Scene:
    """All that was drawn for one clip; its frames follow without chance.

    Args:
        size: pair of int. Height and width of a frame in pixels.
        background: float32 array `(height + 2 m, width + 2 m, 3)`, R G B,
            0..255. The camera sees its middle, moved by the shake.
        canvas: float32 array `(side, side, 4)`. The object's R G B, 0..255,
            and its signed distance in radii, negative inside.
        positions: float array `(num_frames, 2)`. The object's x and y in
            pixels, on a torus: what leaves the frame comes in again on the
            opposite side.
        radii: float array `(num_frames,)`, in pixels.
        shake: float array `(num_frames, 2)`. What the camera adds to the x
            and y of everything, in pixels.
    """

    size: tuple
    background: np.ndarray
    canvas: np.ndarray
    positions: np.ndarray
    radii: np.ndarray
    shake: np.ndarray

    def mask(self, index):
        """Share of each pixel of frame `index` that the object covers: float32
        `(height, width)`, 0..1."""
        return self._object(index)[1]

    def frame(self, index):
        """Frame `index`: uint8 `(height, width, 3)`, R G B."""
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


def draw(rng, pattern, events, *, size, num_frames):
    """Draws the scene of a clip.

    As long as anything moves, the distribution of a single frame at a random
    time is the same for all `events`: positions are uniform on the torus at
    every time, and an object that does not grow has the radius of a growing
    one at a random frame. The events only decide how a frame leads to the
    next. An object that stands still is large and inside the frame, for its
    pattern to be seen.

    Args:
        rng: `numpy.random.Generator`.
        pattern: str. What is painted on the object: `"noise"`, `"stripes"` or
            `"dots"`.
        events: tuple of str, keys of `EVENTS`. They follow one another and
            last equally long.
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
    unit = min(size)
    time = np.linspace(0, 1, num_frames)
    # How much of each event is over, and where that leads to.
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


def _draw_shake(rng, num_frames):
    shape = (2, 1, 2)  # (waves, frames, axes)
    amplitude = rng.uniform(0, _SHAKE, shape)
    frequency = 2 * np.pi / rng.uniform(*_SHAKE_PERIOD, shape)
    phase = rng.uniform(0, 2 * np.pi, shape)
    frames = np.arange(num_frames)[None, :, None]
    return (amplitude * np.sin(frequency * frames + phase)).sum(axis=0)


def _noise(rng, shape, blur):
    """Smooth noise in -1..1."""
    noise = rng.standard_normal(shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.tanh(2 * (noise - noise.mean()) / noise.std())


def _paint(rng, field, middle, contrast):
    """Two random colors, mixed by a field in -1..1: `(..., 3)`."""
    color = rng.uniform(*middle) + rng.uniform(-40, 40, 3)
    change = rng.uniform(*contrast) * rng.uniform(0.6, 1, 3)
    return (color + field[..., None] * change).astype(np.float32)


def _draw_canvas(rng, pattern):
    axis = np.linspace(-_CANVAS_RADII, _CANVAS_RADII, _CANVAS)
    x, y = np.meshgrid(axis, axis)
    angle, turn = rng.uniform(0, 2 * np.pi, 2)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    # Drawn for every pattern, so that patterns share all other draws.
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


def _draw_shape(rng, x, y):
    """Signed distance to a random shape within the unit circle."""
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
