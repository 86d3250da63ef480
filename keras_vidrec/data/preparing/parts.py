"""Work that Apache Beam spreads over machines, in parts that are whole or not
there.

The machines share a file system on which everything has the same paths
everywhere; through the pipeline itself only names go. Its element is a *part*:
some of the work, which one worker does. A part is written into a directory of
the attempt and renamed when it is whole, so that attempts that fail, are
repeated or run twice at the same time leave one part or none. The process that
started the pipeline takes them over, and is the only one that writes results.
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

# Enough parts to keep many machines busy and to lose little with one, and
# videos enough in each to be worth a beginning.
_PARTS = 64
_VIDEOS_PER_PART = 4, 32
_REPEAT_EVERY_S = 1


@dataclasses.dataclass(frozen=True)
class Runner:
    """Who spreads work over machines.

    Args:
        name: str. Name of Beam's runner: `"DirectRunner"`, `"FlinkRunner"`,
            ... `"DirectRunner"` is Beam's `FnApiRunner`.
        options: sequence of str. Beam's own options, as on a command line.
            Defaults to none.
        parts: `None`, or int. Into how many parts the work is divided.
            Defaults to `None`: 64 of 4 to 32 videos each, more or fewer where
            that is not possible.
    """

    name: str
    options: typing.Sequence[str] = ()
    parts: int | None = None

    def new_pipeline(self):
        """A Beam pipeline.

        Raises:
            ValueError: if Apache Beam is missing, or the runner or an option
                is unknown.
        """
        if self.parts is not None:
            checks.count("parts", self.parts)
        return _new_pipeline(self.name, self.options)

    def num_parts(self, num_videos: int) -> int:
        """How many parts so many videos come in."""
        if self.parts is not None:
            return self.parts
        least, most = (-(-num_videos // n) for n in _VIDEOS_PER_PART)
        return max(min(_PARTS, least), most)


class Part:
    """What a worker does: makes a part once, whole or not at all.

    Args:
        run: path of the directory of the parts of this run.
        make: picklable callable of `(attempt, plan)`, which writes what the
            plan says into a directory.
        needed: sequence of paths of directories that a worker needs beside
            that. Defaults to none.
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
            # Another attempt was first, and is as good.
            if not os.path.exists(whole):
                raise
        finally:
            shutil.rmtree(attempt, ignore_errors=True)
        files.sync_directory(self._run)


class Parts:
    """The parts of some work, in the process that started the pipeline.

    Args:
        state: path of the directory of the parts of all runs.
        take: callable of the path of a part that is whole, which takes over
            what is in it. The process may be killed anywhere and come back to
            the same part.

    Attributes:
        run: path of the directory of the parts of this run.
    """

    def __init__(self, state, take):
        self._state = pathlib.Path(state)
        self._take = take
        # Of each run its own: workers of a killed one may still be there.
        self.run = self._state / uuid.uuid4().hex
        self._collected = set()

    def begin(self, plans):
        """Writes the plans of new parts.

        Args:
            plans: dict from the number of a part to what JSON holds.

        Returns:
            list of str, the names of the parts.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        names = [f"{number:05d}" for number in plans]
        for name, plan in zip(names, plans.values()):
            _plan_path(self.run, name).write_text(json.dumps(plan), "utf-8")
        return names

    def work(self, pipeline, names, part):
        """Has a pipeline make the parts, and takes them over meanwhile.

        Raises:
            RuntimeError: if the pipeline fails; what is finished stays.
        """
        with _repeating(self.collect):
            _run(pipeline, names, part)

    def collect(self):
        """Takes over the parts, of all runs, that have become whole."""
        for part in sorted(self._state.glob("*/[0-9]*")):
            if part.suffix or part in self._collected:
                continue
            self._take(part)
            self._collected.add(part)

    def clear(self):
        """Deletes what is left of all runs."""
        shutil.rmtree(self._state, ignore_errors=True)


def ended_early(lost):
    """The error of a pipeline that ended well without having made all."""
    return RuntimeError(
        "The pipeline ended early; what is finished stays. Expected all "
        f"videos. Received: not {first_of(lost)}"
    )


@contextlib.contextmanager
def _repeating(action):
    """Does something now and then meanwhile, and once more at the end."""
    ended = threading.Event()

    def repeat():
        while not ended.wait(_REPEAT_EVERY_S):
            try:
                action()
            except Exception:
                return  # it fails again at the end, where it is seen

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        action()


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
    # Beam's own `DirectRunner` would download a program, and forget how many
    # workers were asked for.
    if runner.lower() in ("direct", "directrunner"):
        runner = _local_runner(options)
    pipeline = apache_beam.Pipeline(runner=runner, options=options)
    # Beam passes over what it does not know. Servers of portable runners know
    # options of their own.
    if not isinstance(pipeline.runner, PortableRunner):
        unknown = _unknown(options, arguments)
        if unknown:
            raise ValueError(
                "Unknown options of Apache Beam. Expected such as "
                f"--direct_num_workers=2. Received: {unknown}"
            )
    return pipeline


def _unknown(options, arguments):
    parsers = []
    with _without_warnings():
        options.get_all_options(add_extra_args_fn=parsers.append)
    _, unknown = parsers[0].parse_known_args(arguments)
    return unknown


def _local_runner(options):
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
    """Beam warns of clients of Google's that are not used here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _run(pipeline, parts, make_part):
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
            f"command goes on. Received: {type(error).__name__}: {reason}"
        ) from error


def _plan_path(run, part):
    return pathlib.Path(run, f"{part}.json")
