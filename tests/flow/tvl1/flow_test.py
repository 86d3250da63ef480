import functools

import cv2
import numpy as np
import pytest
from keras import ops

from keras_vidrec.flow import codec
from keras_vidrec.flow.tvl1 import flow as tvl1
from keras_vidrec.flow.tvl1.stream import compiled

# Small in every respect: what takes time is compiling.
SMALL = {"scales": 2, "warps": 2, "outer_iterations": 3, "median_size": 3}
HEIGHT, WIDTH = 28, 36


def texture(seed, height=HEIGHT, width=WIDTH):
    """Smooth random picture, uint8, wider by a margin of 4 on each side."""
    rng = np.random.default_rng(seed)
    noise = rng.uniform(0, 255, (height + 8, width + 8)).astype("float32")
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")


def moved(seed, right, down):
    """A picture and the same moved by whole pixels."""
    picture = texture(seed)
    window = picture[4:-4, 4:-4]
    rows = slice(4 - down, 4 - down + HEIGHT)
    return window, picture[rows, 4 - right : 4 - right + WIDTH]


@functools.cache
def _compiled_flow(settings):
    parameters = tvl1.Parameters(**dict(settings))
    return compiled(functools.partial(tvl1.tvl1_flow, parameters=parameters))


def flow_of(pairs, **settings):
    """Flow of a batch of `(first, second)`, compiled."""
    first, second = (
        np.stack(images)[..., None].astype("float32") for images in zip(*pairs)
    )
    function = _compiled_flow(tuple(sorted(settings.items())))
    return ops.convert_to_numpy(function(first, second))


def reference_flow(first, second, scales, warps, outer_iterations, median_size):
    """The algorithm as published and as OpenCV orders it, in plain NumPy."""
    tau, lambda_, theta, epsilon = 0.25, 0.15, 0.3, 0.01
    levels = [(np.float32(first), np.float32(second))]
    while len(levels) < scales:
        smaller = [cv2.resize(i, None, fx=0.8, fy=0.8) for i in levels[-1]]
        if min(smaller[0].shape) < 16:
            break
        levels.append(smaller)
    u = np.zeros((*levels[-1][0].shape, 2), "float32")
    for source, target in reversed(levels):
        height, width = source.shape
        if u.shape[:2] != source.shape:
            u = cv2.resize(u, (width, height)) / np.float32(0.8)
        padded = np.pad(target, 1, "edge")
        slopes = np.stack(
            [
                (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2,
                (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2,
            ],
            -1,
        )
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
        p = np.zeros((height, width, 2, 2), "float32")  # flow, direction
        for _ in range(warps):
            places = np.float32(grid + u)
            warped, gx, gy = (
                cv2.remap(
                    np.ascontiguousarray(i), places, None, cv2.INTER_CUBIC
                )
                for i in (target, slopes[..., 0], slopes[..., 1])
            )
            g = np.stack([gx, gy], -1)
            norm = (g * g).sum(-1)
            constant = warped - (g * u).sum(-1) - source
            error = np.inf
            for _ in range(outer_iterations):
                if error <= epsilon**2 * height * width:
                    break
                u = np.stack(
                    [
                        cv2.medianBlur(np.ascontiguousarray(c), median_size)
                        for c in np.moveaxis(u, -1, 0)
                    ],
                    -1,
                )
                for _ in range(30):
                    rho = constant + (g * u).sum(-1)
                    limit = lambda_ * theta
                    d = np.select(
                        [rho < -limit * norm, rho > limit * norm, norm > 1e-7],
                        [limit, -limit, -rho / np.maximum(norm, 1e-7)],
                    )
                    before = np.pad(p, ((1, 0), (1, 0), (0, 0), (0, 0)))
                    divergence = (
                        p[..., 0]
                        - before[1:, :-1, :, 0]
                        + p[..., 1]
                        - before[:-1, 1:, :, 1]
                    )
                    new = u + d[..., None] * g + theta * divergence
                    new = np.float32(new)
                    error = np.square(new - u).sum()
                    u = new
                    after = np.pad(u, ((0, 1), (0, 1), (0, 0)), "edge")
                    slope = np.stack([after[:-1, 1:], after[1:, :-1]], -1)
                    slope = slope - u[..., None]
                    length = np.sqrt((slope**2).sum(-1, keepdims=True))
                    p = (p + tau / theta * slope) / (1 + tau / theta * length)
                    if error <= epsilon**2 * height * width:
                        break
    return u


def test_follows_the_algorithm():
    pairs = [moved(0, 2, -1), (texture(1)[4:-4, 4:-4], texture(2)[4:-4, 4:-4])]
    flows = flow_of(pairs, **SMALL)
    assert flows.shape == (2, HEIGHT, WIDTH, 2)
    for flow, pair in zip(flows, pairs):
        expected = reference_flow(*pair, **SMALL)
        assert np.abs(expected).mean() > 0.5
        difference = np.linalg.norm(flow - expected, axis=-1)
        assert difference.mean() < 0.01


def test_whole_pixels_are_recovered():
    inside = np.s_[6:-6, 6:-6]
    for right, down in ((1, 0), (0, -2), (2, 1)):
        (flow,) = flow_of([moved(3, right, down)] * 2, **SMALL)[:1]
        error = flow[inside] - (right, down)
        assert np.abs(error).mean() < 0.15


def test_stillness_is_exactly_zero():
    still = texture(4)[4:-4, 4:-4]
    black = np.zeros_like(still)
    flows = flow_of([(still, still), (black, black)], **SMALL)
    assert (flows == 0).all()


def test_pairs_do_not_depend_on_each_other():
    pair, slow = (
        moved(5, 1, 1),
        (texture(6)[4:-4, 4:-4], texture(7)[4:-4, 4:-4]),
    )
    quick = (pair[0], pair[0])
    with_slow = flow_of([pair, slow], **SMALL)
    with_quick = flow_of([quick, pair], **SMALL)
    np.testing.assert_array_equal(with_slow[0], with_quick[1])


@pytest.mark.tensorflow_only
def test_sizes_known_at_run_time_only():
    import tensorflow as tf

    spec = tf.TensorSpec((None, None, None, 1), "float32")
    settings = {**SMALL, "warps": 1}
    function = tf.function(
        lambda first, second: tvl1.tvl1_flow(
            first, second, tvl1.Parameters(**settings)
        ),
        input_signature=[spec, spec],
    )
    pairs = [moved(8, 2, -1), moved(9, 0, 1)]
    first, second = (
        np.stack(images)[..., None].astype("float32") for images in zip(*pairs)
    )
    for flow, pair in zip(function(first, second), pairs, strict=True):
        expected = reference_flow(*pair, **settings)
        assert np.abs(expected).mean() > 0.3
        assert np.linalg.norm(flow - expected, axis=-1).mean() < 0.02
    # One level only: the second would be under 16 pixels.
    tiny = function(first[:, :18, :18], second[:, :18, :18])
    expected = reference_flow(
        first[0, :18, :18, 0], second[0, :18, :18, 0], **settings
    )
    assert np.abs(tiny[0] - expected).mean() < 0.02
    assert function(first[:0], second[:0]).shape == (0, HEIGHT, WIDTH, 2)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"tau": 0}, "`tau`.*a positive number.*tau=0"),
        ({"warps": 0}, "`warps`.*integer.*warps=0"),
        ({"scales": 2.5}, "`scales`.*integer.*scales=2.5"),
        ({"scale_step": 1.0}, "`scale_step`.*scale_step=1.0"),
        ({"median_size": 4}, r"`median_size`.*\(1, 3, 5\).*median_size=4"),
    ],
)
def test_bad_parameters(settings, message):
    image = np.zeros((1, 16, 16, 1))
    with pytest.raises(ValueError, match=message):
        tvl1.tvl1_flow(image, image, tvl1.Parameters(**settings))
    with pytest.raises(ValueError, match=message):
        tvl1.stream([], parameters=tvl1.Parameters(**settings))


@pytest.mark.parametrize(
    "first, second",
    [((1, 16, 16, 3), (1, 16, 16, 1)), ((1, 16, 16, 1), (1, 16, 17, 1))],
)
def test_bad_images(first, second):
    with pytest.raises(ValueError, match="Expected `.*shape"):
        tvl1.tvl1_flow(np.zeros(first), np.zeros(second))


@pytest.mark.large
@pytest.mark.parametrize(
    "name, frames, bound",
    [("RubberWhale", (10, 11), 0.24), ("Dimetrodon", (10, 11), 0.25)],
)
def test_error_against_the_truth(real_data, name, frames, bound):
    directory = real_data / "optical_flow" / name
    pair = [
        cv2.imread(str(directory / f"frame{frame}.png"), cv2.IMREAD_GRAYSCALE)
        for frame in frames
    ]
    truth = codec.read_flo(directory / "flow10.flo")
    known = np.abs(truth).max(-1) < 1e9
    (flow,) = flow_of([pair])
    error = np.linalg.norm(flow - truth, axis=-1)[known].mean()
    assert error < bound
