"""Tone mapping of frames of high dynamic range (HLG, PQ) to ordinary frames.

Decoders and versions of FFmpeg map such frames differently. Here the mapping is
the same everywhere. It is computed on R G B of 16 bits, in these steps:

1. Signal to light. PQ (SMPTE ST 2084) gives candela per square meter. HLG
   (BT.2100) gives light of the scene E, which a display of 1000 cd/m2 shows as
   `1000 * E * Y ** 0.2`, where Y is the luminance.
2. Light is divided by 203 cd/m2, the white of paper in BT.2408.
3. BT.2020's primaries are converted to BT.709's; colors outside are clipped.
4. The curve `x (1 + x / w**2) / (1 + x)`, Reinhard's with the white `w` at 1000
   cd/m2, is applied to the largest of R, G and B; ratios do not change.
5. sRGB's curve, 8 bits.
"""

import functools

import numpy as np

WHITE = 203.0
PEAK = 1000.0
_LUMINANCE = (0.2627, 0.6780, 0.0593)
_TO_BT709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
_LEVELS = 2**16


def to_sdr(frame, kind):
    """Maps a frame of high dynamic range.

    Args:
        frame: uint16 array `(height, width, 3)`, R G B with BT.2020's
            primaries.
        kind: str. `"pq"` or `"hlg"`.

    Returns:
        uint8 array `(height, width, 3)`, R G B with BT.709's primaries.
    """
    light = _light(kind)[frame]
    red, green, blue = np.moveaxis(light, -1, 0)
    if kind == "hlg":
        r, g, b = _LUMINANCE
        gain = _power(r * red + g * green + b * blue)
        red, green, blue = red * gain, green * gain, blue * gain
    # Sums in a fixed order give the same bits on every machine.
    mapped = np.stack(
        [
            np.maximum(
                np.float32(r) * red
                + np.float32(g) * green
                + np.float32(b) * blue,
                0,
            )
            for r, g, b in _TO_BT709
        ],
        -1,
    )
    largest = mapped.max(-1, keepdims=True)
    white = np.float32((PEAK / WHITE) ** 2)
    mapped *= (1 + largest / white) / (1 + largest)
    np.minimum(mapped, 1, out=mapped)
    return _srgb()[(mapped * (_LEVELS - 1) + 0.5).astype(np.uint16)]


@functools.cache
def _light(kind):
    """Returns a table from the signal, 0..65535, to light, where 1 is the white
    of paper; for HLG before the gain of the display."""
    signal = np.arange(_LEVELS) / (_LEVELS - 1)
    if kind == "pq":
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        root = signal ** (1 / m2)
        light = np.maximum(root - c1, 0) / (c2 - c3 * root)
        light = 10000 * light ** (1 / m1)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        high = (np.exp((np.maximum(signal, 0.5) - c) / a) + b) / 12
        light = PEAK * np.where(signal <= 0.5, signal**2 / 3, high)
    return (light / WHITE).astype(np.float32)


def _power(luminance):
    """Returns the gain of HLG's display: `luminance ** 0.2`, relative to the
    peak."""
    scaled = luminance * np.float32(WHITE / PEAK) * (_LEVELS - 1) + 0.5
    table = (np.arange(_LEVELS) / (_LEVELS - 1)) ** 0.2
    scaled = np.minimum(scaled, _LEVELS - 1).astype(np.uint16)
    return table.astype(np.float32)[scaled]


@functools.cache
def _srgb():
    light = np.arange(_LEVELS) / (_LEVELS - 1)
    code = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    return np.round(255 * code).astype(np.uint8)
