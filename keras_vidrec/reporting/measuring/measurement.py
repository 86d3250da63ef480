"""The results of `benchmark`, as dataclasses, tables and files."""

import dataclasses
import os

from keras_vidrec.reporting.measuring import size as sizes
from keras_vidrec.reporting.measuring.video_time import VideoTime
from keras_vidrec.specs import files


@dataclasses.dataclass(frozen=True)
class Measurement:
    """The measurement of one network on one device, in one precision, with one
    batch size.

    Attributes:
        network: str. Name of the network.
        parameters, multiply_adds, clip: see `size.Size`.
        backend: str. Name of Keras' backend.
        device: str. Such as `"cpu:0"`.
        precision: str. A name of a dtype policy of Keras: `"float32"`,
            `"mixed_float16"` or `"mixed_bfloat16"`.
        batch_size: int. Clips in a call.
        calls: int. Number of timed calls.
        latency: float. Seconds of a call, the median.
        latency_low, latency_high: float. Seconds of a call, the lower and
            upper quartile.
        peak_memory: `None` (not known), or int. Peak of memory in bytes: of the
            whole process on a CPU, of the memory that the backend has
            allocated on a GPU.
        date: str. ISO date.
    """

    network: str
    parameters: int
    multiply_adds: int
    clip: dict
    backend: str
    device: str
    precision: str
    batch_size: int
    calls: int
    latency: float
    latency_low: float
    latency_high: float
    peak_memory: int | None
    date: str

    @property
    def throughput(self) -> float:
        """Clips a second: float."""
        return self.batch_size / self.latency

    def to_dict(self) -> dict:
        """Returns a dict of the attributes and `throughput`, for JSON."""
        return {**dataclasses.asdict(self), "throughput": self.throughput}

    @classmethod
    def from_dict(cls, values: dict) -> "Measurement":
        """Makes a `Measurement` from the result of `to_dict`.

        Raises:
            ValueError: if an attribute is missing or has another type.
        """
        fields = {one.name: one for one in dataclasses.fields(cls)}
        try:
            found = {name: values[name] for name in fields}
            found["clip"] = {
                name: tuple(map(int, shape))
                for name, shape in found["clip"].items()
            }
            for name in ("latency", "latency_low", "latency_high"):
                found[name] = float(found[name])
            for name in ("parameters", "multiply_adds", "batch_size"):
                found[name] = int(found[name])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Expected a measurement of a network. Received: {error}"
            ) from error
        return cls(**found)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """The result of `benchmark`.

    Attributes:
        measurements: tuple of `Measurement`.
        videos: tuple of `VideoTime`. Defaults to none.
        failed: dict of str: the error of each measurement that failed, by a
            text such as `"TSN on gpu:0"`. Defaults to none.
    """

    measurements: tuple[Measurement, ...]
    videos: tuple[VideoTime, ...] = ()
    failed: dict = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict:
        """Returns a dict of the attributes, for JSON."""
        return {
            "measurements": [one.to_dict() for one in self.measurements],
            "videos": [one.to_dict() for one in self.videos],
            "failed": dict(self.failed),
        }

    def save_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes the measurements as CSV, one per row, with the shape of the
        clip as text.

        Args:
            path: path of the file.
        """
        rows = [one.to_dict() for one in self.measurements]
        for row, one in zip(rows, self.measurements):
            row["clip"] = words_of_clip(one)
        header = tuple(rows[0]) if rows else ()
        files.write_table(path, header, [tuple(row.values()) for row in rows])

    def __str__(self):
        parts = []
        if self.measurements:
            rows = [_row(one) for one in self.measurements]
            parts.append(_aligned(_HEADER, rows, _TEXT))
            clips = {
                one.network: words_of_clip(one) for one in self.measurements
            }
            parts.append(
                "\n".join(
                    f"A clip of {name} is {clip}."
                    for name, clip in clips.items()
                )
            )
        for one in self.videos:
            shares = ", ".join(
                f"{what} {1000 * getattr(one, what):.0f} ms ({share:.0%})"
                for what, share in one.shares.items()
            )
            parts.append(
                f"{one.network}, {one.video}, {one.snippets} snippets: {shares}"
            )
        parts += [f"Failed: {what}: {why}" for what, why in self.failed.items()]
        return "\n\n".join(parts)


def markdown(measurements):
    """Formats measurements of one network as a table in Markdown: str."""
    header = _HEADER[1:4] + _HEADER[6:]
    rows = [(*row[1:4], *row[6:]) for row in map(_row, measurements)]
    lines = [header, ["---"] * len(header), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    dates = {f"{one.backend}, {one.date}" for one in measurements}
    return (
        "Measured by `vidrec benchmark` on clips of noise "
        f"({'; '.join(sorted(dates))}). ms: milliseconds of a call, the "
        f"median; middle half: the range between the quartiles.\n\n{table}"
    )


def words_of_clip(one):
    """Returns the shape of the clip of a `Measurement` as text."""
    return sizes.Size(one.parameters, one.multiply_adds, one.clip).clip_text


_HEADER = (
    "network",
    "device",
    "precision",
    "batch",
    "parameters",
    "multiply-adds",
    "ms",
    "middle half",
    "clips/s",
    "memory",
)
# Number of columns aligned to the left.
_TEXT = 3


def _row(one: Measurement) -> tuple[str, ...]:
    """Returns the cells of a measurement, one for each of `_HEADER`."""
    low, middle, high = (
        f"{1000 * seconds:.4g}"
        for seconds in (one.latency_low, one.latency, one.latency_high)
    )
    memory = "-"
    if one.peak_memory is not None:
        memory = f"{one.peak_memory / 2**30:.2f} GiB"
    return (
        one.network,
        one.device,
        one.precision,
        str(one.batch_size),
        sizes.short(one.parameters),
        sizes.short(one.multiply_adds),
        middle,
        f"{low} to {high}",
        f"{one.throughput:.4g}",
        memory,
    )


def _aligned(header, rows, num_left):
    """Returns a table as text; the first `num_left` columns are aligned to the
    left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < num_left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in (header, *rows)
    )
