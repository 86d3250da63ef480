"""Distributes work over machines with Apache Beam, in parts.

All machines share a file system with the same paths; only names of parts go
through the pipeline. One worker does a part. It writes into a directory of the
attempt, which is renamed when the part is complete. So if attempts fail, are
repeated or run twice at the same time, the result is one complete part or none.
Only the process that started the pipeline collects parts and writes the final
results.
"""

import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import shutil
import tempfile
import threading
import typing
import uuid

from keras_vidrec.data.catalogs.split import first_of
from keras_vidrec.specs import checks
from keras_vidrec.specs import documents
from keras_vidrec.specs import files

# Enough parts for many machines, so that little work is lost with one, but with
# enough videos in each to be worth its start.
_PARTS = 64
# The least and the most.
_VIDEOS_PER_PART = 4, 32
# Seconds between collections of finished parts.
_REPEAT_EVERY_S = 1


@dataclasses.dataclass(frozen=True)
class Runner:
    """The settings of Apache Beam for distributing work.

    Args:
        name: str. Name of Beam's runner: `"DirectRunner"`, `"FlinkRunner"`,
            ... `"DirectRunner"` is Beam's `FnApiRunner`.
        options: sequence of str. Beam's own options, as on a command line.
            Defaults to none.
        parts: `None`, or int. The number of parts. Defaults to `None`: 64, or
            more or fewer, so that each has 4 to 32 videos.
    """

    name: str
    options: typing.Sequence[str] = ()
    parts: int | None = None

    @contextlib.contextmanager
    def new_pipeline(self):
        """Yields a Beam pipeline, whose temporary directory is deleted after
        the context.

        Raises:
            ValueError: if Apache Beam is missing, or the runner or an option
                is unknown.
        """
        if self.parts is not None:
            checks.count("parts", self.parts)
        with _new_pipeline(self.name, self.options) as pipeline:
            yield pipeline

    def num_parts(self, num_videos: int) -> int:
        """The number of parts for a number of videos."""
        if self.parts is not None:
            return self.parts
        least, most = (-(-num_videos // n) for n in _VIDEOS_PER_PART)
        return max(min(_PARTS, least), most)


class Part:
    """The function that a worker calls with the name of a part, to make it.

    Args:
        run: path of the directory of the parts of this run.
        make: picklable callable `make(attempt, plan)` that writes the part into
            the directory `attempt`; `plan` is a value of JSON.
        needed: sequence of paths of other directories that a worker needs.
            Defaults to none.
    """

    def __init__(self, run, make, needed=()):
        self._run = os.fspath(run)
        self._make = make
        self._needed = tuple(map(os.fspath, needed))

    def __call__(self, name):
        for path in (*self._needed, self._run):
            if not os.path.isdir(path):
                raise ValueError(
                    "A worker does not find a directory. Expected it at the "
                    f"same path on all machines. Received: {path!r}"
                )
        plan = documents.read_json(_plan_path(self._run, name))
        whole = os.path.join(self._run, name)
        if os.path.exists(whole):
            return
        attempt = tempfile.mkdtemp(prefix=".", dir=self._run)
        try:
            self._make(attempt, plan)
            files.sync_directory(attempt)
            os.rename(attempt, whole)
        except OSError:
            # Another attempt has finished the same part before.
            if not os.path.exists(whole):
                raise
        finally:
            shutil.rmtree(attempt, ignore_errors=True)
        files.sync_directory(self._run)


class Parts:
    """Plans and collects parts, in the process that started the pipeline.

    Args:
        state: path of the directory of the parts of all runs.
        take: callable that is called with the path of each complete part, and
            moves its content to the results. It is called again with the same
            part if the process was killed.

    Attributes:
        run: path of the directory of the parts of this run.
    """

    def __init__(self, state, take):
        self._state = pathlib.Path(state)
        self._take = take
        # Each run has its own, because workers of a killed run may still exist.
        self.run = self._state / uuid.uuid4().hex
        self._collected = set()

    def begin(self, plans):
        """Writes the plans of new parts.

        Args:
            plans: dict from the number of a part to its plan, data for JSON.

        Returns:
            list of str, the names of the parts.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        names = [f"{number:05d}" for number in plans]
        for name, plan in zip(names, plans.values()):
            _plan_path(self.run, name).write_text(json.dumps(plan), "utf-8")
        return names

    def work(self, pipeline, names, part):
        """Runs a pipeline that makes the parts, and collects them while it is
        running.

        Args:
            pipeline: Beam pipeline.
            names: list of str. The names of the parts.
            part: `Part`.

        Raises:
            RuntimeError: if the pipeline fails; finished parts are kept.
        """
        with _repeating(self.collect):
            _run(pipeline, names, part)

    def collect(self):
        """Calls `take` for the parts, of all runs, that are newly complete."""
        for part in sorted(self._state.glob("*/[0-9]*")):
            if part.suffix or part in self._collected:
                continue
            self._take(part)
            self._collected.add(part)

    def clear(self):
        """Deletes the directories of all runs."""
        shutil.rmtree(self._state, ignore_errors=True)


def ended_early(lost: list[str]) -> RuntimeError:
    """The error about a pipeline that succeeded without making all videos."""
    return RuntimeError(
        "The pipeline ended early; what is finished stays. Expected all "
        f"videos. Received: not {first_of(lost)}"
    )


@contextlib.contextmanager
def _repeating(action):
    """Calls a function every second during a `with` statement, and once more at
    its end."""
    ended = threading.Event()

    def repeat():
        while not ended.wait(_REPEAT_EVERY_S):
            try:
                action()
            except Exception:
                return  # the call at the end raises the error again

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        action()


@contextlib.contextmanager
def _new_pipeline(runner, options):
    try:
        with _without_warnings():
            import apache_beam
            from apache_beam.options.pipeline_options import PipelineOptions
            from apache_beam.runners.portability.portable_runner import (
                PortableRunner,
            )
    except ImportError:
        raise ValueError(
            "Runners need Apache Beam. Expected it to be installed: "
            f"{checks.how_to_install('beam')}. "
            f"Received: runner={runner!r}"
        ) from None
    arguments = list(options)
    options = PipelineOptions(arguments)
    # Beam's own `DirectRunner` would download a program, and ignore the number
    # of workers.
    if runner.lower() in ("direct", "directrunner"):
        runner = _local_runner(options)
    pipeline = apache_beam.Pipeline(runner=runner, options=options)
    try:
        # Beam ignores unknown options. Only portable runners may have more
        # options, which their servers know.
        if not isinstance(pipeline.runner, PortableRunner):
            unknown = _unknown(options, arguments)
            if unknown:
                raise ValueError(
                    "Unknown options of Apache Beam. Expected such as "
                    f"--direct_num_workers=2. Received: {unknown}"
                )
        yield pipeline
    finally:
        # Beam deletes it in `run` only, and not every pipeline runs.
        shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)


def _unknown(options, arguments):
    """The command-line arguments that are not options of Beam."""
    parsers = []
    with _without_warnings():
        options.get_all_options(add_extra_args_fn=parsers.append)
    _, unknown = parsers[0].parse_known_args(arguments)
    return unknown


def _local_runner(options):
    """Beam's `FnApiRunner` with these options, which logs errors only."""
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    quiet = {"default_sdk_harness_log_level": "ERROR"}
    encoded = JobServiceHandle.encode_pipeline_options(
        quiet | options.get_all_options(drop_default=True)
    )
    provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return fn_runner.FnApiRunner(
        provision_info=fn_runner.ExtendedProvisionInfo(provision)
    )


@contextlib.contextmanager
def _without_warnings():
    """Hides Beam's warnings about Google's clients, which are not used here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _run(pipeline, parts, make_part):
    """Runs a pipeline that calls `make_part` for each name of a part."""
    import apache_beam

    _ = (
        pipeline
        | "Parts" >> apache_beam.Create(parts)
        | "Spread" >> apache_beam.Reshuffle()
        | "Make" >> apache_beam.Map(make_part)
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise RuntimeError(
            "The pipeline failed; what is finished stays, and the same "
            f"command resumes it. Received: {type(error).__name__}: {reason}"
        ) from error


def _plan_path(run, part: str) -> pathlib.Path:
    return pathlib.Path(run, f"{part}.json")
