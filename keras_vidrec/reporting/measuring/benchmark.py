"""Measures the size, time and memory of networks."""

import collections.abc
import datetime
import gc
import os
import statistics
import time

import keras

from keras_vidrec.data import opening
from keras_vidrec.data.prepared import storage
from keras_vidrec.reporting.measuring import kept
from keras_vidrec.reporting.measuring import memory
from keras_vidrec.reporting.measuring import networks
from keras_vidrec.reporting.measuring import noise
from keras_vidrec.reporting.measuring import size as sizes
from keras_vidrec.reporting.measuring import video_time
from keras_vidrec.reporting.measuring.measurement import Benchmark
from keras_vidrec.reporting.measuring.measurement import Measurement
from keras_vidrec.specs import checks
from keras_vidrec.training import environment

# Calls with each batch: the first ones compile and are not timed; then at
# least `_FEWEST` and at most `_MOST` are timed.
_WARM = 2
_FEWEST = 5
_MOST = 200


def benchmark(
    *names: keras.Model | str | os.PathLike[str],
    batch_sizes: collections.abc.Sequence[int] = (1, 8),
    precisions: collections.abc.Sequence[str] | None = None,
    devices: collections.abc.Sequence[str] | None = None,
    num_segments: int | None = None,
    size: int | None = None,
    video: str | os.PathLike | None = None,
    seconds: float = 2.0,
    tell: collections.abc.Callable[[str], object] = lambda line: None,
) -> Benchmark:
    """Measures networks: parameters, multiply-adds, latency, throughput and
    memory, and the time that decoding, flow and network take for a video.

    A call takes clips of noise from the machine's memory and returns their
    scores there. The measurements of a run are saved in the run as
    `benchmark.json`, for its model card and its report.

    Args:
        *names: networks: `keras.Model`, directory of a run, `.keras` file,
            name of a preset, or name of an application, such as `"TSN"`, or of
            an application and a backbone, such as `"TSN:resnet50"`.
        batch_sizes: sequence of int. Clips in a call. Defaults to `(1, 8)`.
        precisions: `None` (the precision of the network, and on a GPU or TPU
            also `"mixed_bfloat16"`), or sequence of `"float32"`,
            `"mixed_float16"`, `"mixed_bfloat16"`. For a precision other than
            its own, the network is built again with random weights. Defaults
            to `None`.
        devices: `None` (the CPU, and the first GPU or TPU if there is one), or
            sequence of str, such as `"cpu:0"`, `"gpu:0"`. Defaults to `None`.
        num_segments: `None` (as many as the network was built for, or is
            trained with), or int: segments of a clip. Defaults to `None`.
        size: `None` (the size that the network was built for, or is trained
            with), or int: height and width of a clip in pixels. Defaults to
            `None`.
        video: `None` (for a run on video files, the first video of its
            dataset; for other networks no video), or path of a video file that
            each network is applied to by its test. Defaults to `None`.
        seconds: float. How long calls with a batch are repeated, but at least
            5 times. Defaults to `2.0`.
        tell: function that is called with a line of text before each network.
            Defaults to a function that does nothing.

    Returns:
        `Benchmark`. An error while one network is measured is added to its
        `failed`, and the other networks are measured.

    Raises:
        ValueError: if an argument is invalid, or a name is unknown.
    """
    checks.check(names, "names", "at least one network", names)
    batch_sizes = _several("batch_sizes", batch_sizes)
    for number in batch_sizes:
        checks.count("batch_sizes", number)
    for name in _several("precisions", precisions or ()):
        checks.choice("precisions", name, networks.PRECISIONS)
    there = available()
    for name in _several("devices", devices or ()):
        checks.choice("devices", name, there)
    for name, value in (("num_segments", num_segments), ("size", size)):
        if value is not None:
            checks.count(name, value)
    checks.positive("seconds", seconds)
    found = [networks.find(name) for name in names]
    rows, videos, failed = [], [], {}
    for one in found:
        tell(f"Measuring {one.name}")
        measured = []
        for device in devices or there:
            try:
                with keras.device(device):
                    measured += _measure(
                        one,
                        device,
                        batch_sizes,
                        precisions,
                        (num_segments, size),
                        seconds,
                    )
            # Such as not enough memory, or an unsupported precision.
            except Exception as error:
                failed[f"{one.name} on {device}"] = _words(error)
            gc.collect()
        rows += measured
        place = video or _video_of(one.run)
        if measured and place is not None:
            try:
                videos.append(video_time.measure(one.load(), one.name, place))
            except Exception as error:
                failed[f"{one.name} on {place}"] = _words(error)
        if one.run is not None and measured:
            kept.keep(one.run, measured)
    return Benchmark(tuple(rows), tuple(videos), failed)


def available() -> tuple:
    """Returns the names of the devices that networks are measured on by
    default: tuple of str."""
    if not environment.has_accelerator():
        return ("cpu:0",)
    first = "gpu:0"
    if keras.backend.backend() == "jax":
        first = keras.distribution.list_devices()[0]
    return (first, "cpu:0")


def _measure(named, device, batch_sizes, precisions, clip, seconds):
    """Yields a `Measurement` for each precision and batch size. `clip` is the
    tuple of the arguments `num_segments` and `size` of `benchmark`."""
    model = named.load()
    own = networks.precision_of(model)
    if precisions is None:
        fast = () if device.startswith("cpu") else ("mixed_bfloat16",)
        precisions = dict.fromkeys((own, *fast))
    cost = sizes.of(model, *clip)
    for precision in precisions:
        network = networks.in_precision(model, precision)
        call = sizes.computing(network).predict_on_batch
        for batch_size in batch_sizes:
            batch = noise.clips(network, batch_size, *clip)
            with memory.peak(device) as peak:
                times = _times(lambda: call(batch), seconds)
            low, middle, high = statistics.quantiles(times, n=4)
            yield Measurement(
                network=named.name,
                parameters=cost.parameters,
                multiply_adds=cost.multiply_adds,
                clip=cost.clip,
                backend=keras.backend.backend(),
                device=device,
                precision=precision,
                batch_size=batch_size,
                calls=len(times),
                latency=middle,
                latency_low=low,
                latency_high=high,
                peak_memory=peak.num_bytes,
                date=datetime.date.today().isoformat(),
            )


def _times(call, seconds):
    """Returns the seconds of repeated calls: list of float."""
    for _ in range(_WARM):
        call()
    times, begin = [], time.perf_counter()
    while len(times) < _FEWEST or (
        len(times) < _MOST and time.perf_counter() - begin < seconds
    ):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def _video_of(run):
    """Returns the path of the first video of the dataset of a run, or `None`
    if there is no run or its dataset does not consist of video files."""
    if run is None:
        return None
    data = run.recipe.data
    try:
        opened = opening.open_dataset(
            data.directory,
            layout=data.layout,
            videos_list=data.list,
            splits=data.split_files,
            images_only=True,
        )
    except (OSError, TypeError, ValueError):
        return None  # the dataset may have been moved
    if opened.kind != "videos":
        return None
    return storage.below(opened.catalog.root, opened.catalog.files[0])


def _several(name, values):
    """Returns the values as a tuple; raises a `ValueError` that names the
    argument if they are no sequence."""
    values = tuple(values) if isinstance(values, (list, tuple, dict)) else None
    checks.check(values is not None, name, "a sequence", values)
    return values


def _words(error: Exception) -> str:
    """Returns the text of an error in one line."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return checks.shorten(
        text if isinstance(error, (ValueError, OSError)) else f"{kind}: {text}"
    )
