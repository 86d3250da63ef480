"""What networks cost: size, time and memory."""

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

# Calls of each batch: these are compiled or warm up and are not counted, and
# however long they take, so many are.
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
    """Measures networks: parameters, multiply-adds, latency, throughput,
    memory; and of a video, where its time goes.

    A call takes clips of noise from the memory of the machine and gives their
    scores back there. What is measured of a run is kept in it,
    `benchmark.json`, for its model card and its report.

    Args:
        *names: networks: `keras.Model`, the directory of a run, a `.keras`
            file, the name of a preset, or of an application, `"TSN"`, with a
            backbone behind it, `"TSN:resnet50"`.
        batch_sizes: sequence of int. Clips in a call. Defaults to `(1, 8)`.
        precisions: `None`, or sequence of `"float32"`, `"mixed_float16"`,
            `"mixed_bfloat16"`. Others than the network's own are measured on
            the same network built again. Defaults to `None`: its own, and on
            a GPU or TPU `"mixed_bfloat16"`.
        devices: `None`, or sequence of str, `"cpu:0"`, `"gpu:0"`. Defaults to
            `None`: those that are there, of several of a kind the first.
        num_segments: `None`, or int: of a clip. Defaults to `None`: as many
            as the network was built for, or is trained with.
        size: `None`, or int: pixels of the height and width of a clip.
            Defaults to `None`: likewise.
        video: `None`, or path of a video file, which each network is shown by
            its test. Defaults to `None`: of a run on video files, the first
            one of its dataset; of others, no video.
        seconds: float. Calls of a batch are repeated for so long, 5 times at
            least. Defaults to `2.0`.
        tell: called with a line before each network.

    Returns:
        `Benchmark`. What fails while it is measured is in its `failed`, and
        the others go on.

    Raises:
        ValueError: if an argument is invalid, or there is no network of a
            name.
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
            # Whatever a network does not bear: memory, a precision, a file.
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
    """The devices that networks are measured on: tuple of str."""
    if not environment.has_accelerator():
        return ("cpu:0",)
    first = "gpu:0"
    if keras.backend.backend() == "jax":
        first = keras.distribution.list_devices()[0]
    return (first, "cpu:0")


def _measure(named, device, batch_sizes, precisions, clip, seconds):
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
    """The first video of the dataset of a run on video files; else `None`."""
    if run is None:
        return None
    data = run.recipe.data
    try:
        opened = opening.open_images(
            data.directory,
            layout=data.layout,
            videos_list=data.list,
            splits=data.split_files,
        )
    except (OSError, TypeError, ValueError):
        return None  # it lies elsewhere now
    if opened.kind != "videos":
        return None
    return storage.below(opened.catalog.root, opened.catalog.files[0])


def _several(name, values):
    values = tuple(values) if isinstance(values, (list, tuple, dict)) else None
    checks.check(values is not None, name, "a sequence", values)
    return values


def _words(error):
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return checks.shorten(
        text if isinstance(error, (ValueError, OSError)) else f"{kind}: {text}"
    )
