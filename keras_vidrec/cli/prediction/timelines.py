"""Timelines of long and live videos on the command line."""

import json
import re

from keras_vidrec.cli.prediction import inputs
from keras_vidrec.cli.terminal import echo
from keras_vidrec.data.prepared import storage
from keras_vidrec.data.prepared.stores import UnknownAddress
from keras_vidrec.evaluation import segment_files
from keras_vidrec.evaluation import segments
from keras_vidrec.evaluation.predictor import Unread
from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.specs.checks import counted
from keras_vidrec.videos.camera_stream import CameraStream
from keras_vidrec.videos.video import VideoError


class Timelines:
    """Prints a line for each window of a video while it is read, and writes the
    timeline and its segments at the end.

    Args:
        predictor: `Predictor`.
        window: float. Seconds of a window.
        stride: float. Seconds between the starts of windows.
        out: `pathlib.Path` of the directory for timelines.
        frame_rate: `None`, or float, see `videos.FileStream`.
        top: int. Largest number of classes in a line.
        json: bool. Whether lines are JSON.
        merging: `None`, or `Merging`, see `segments.merge`. Defaults to `None`.
    """

    def __init__(
        self,
        predictor,
        *,
        window,
        stride,
        out,
        frame_rate,
        top,
        json,
        merging=None,
    ):
        self._predictor = predictor
        self._window = window
        self._stride = stride
        self._merging = merging
        self._out = out
        self._frame_rate = frame_rate
        self._top = top
        self._json = json
        if not predictor.shares_snippets and stride < window:
            echo(
                "The network processes the snippets of a window in order, "
                "or the test has several clips: overlapping windows are "
                "computed separately, which takes longer.",
                err=True,
            )

    def read_all(self, videos, overlay=None):
        """Makes the timelines of video files. An error is printed for each
        video that cannot be read.

        Args:
            videos: iterable of paths and URLs.
            overlay: `None`, or path to write the video with labels to, if there
                is one video. Defaults to `None`.

        Returns:
            int, the number of videos that could not be read.
        """
        failed = 0
        for video in videos:
            try:
                self.read(video, overlay)
            except (VideoError, OSError, UnknownAddress) as error:
                failed += 1
                unread = Unread(storage.shown(video), error)
                echo(f"vidrec: {inputs.explained(unread)}", err=True)
        return failed

    def read(self, path, overlay=None):
        """Makes the timeline of a video file, and writes the video with labels
        to `overlay` if that is not `None`."""
        path = storage.as_path(path)
        with storage.opened(path) as file:
            self._read(path, file, overlay)

    def _read(self, path, file, overlay):
        stream = self._predictor.stream(file, self._frame_rate)
        timeline = Timeline(str(path), self._predictor.classes, [])
        try:
            self._follow(stream, timeline)
        finally:
            # Also after an error: damage may explain why a video is too short.
            if stream.health is not None:  # it was read to the end
                self._tell_remarks(path, stream)
        self._save(timeline, path.stem)
        if overlay is not None:
            from keras_vidrec.visualization import overlay as overlays

            overlays.write(timeline, stream, overlay)
            self._tell(f"Overlay, without sound: {overlay}")

    def watch(self, device):
        """Makes the timeline of a camera, until its stream ends or the user
        presses Ctrl-C.

        Args:
            device: str. Number of a camera, or URL of a stream.
        """
        frame = self._predictor.frame
        stream = CameraStream(
            device, self._frame_rate, frame.fps, frame.deinterlace
        )
        timeline = Timeline(stream.name, self._predictor.classes, [])
        try:
            self._follow(stream, timeline)
        except KeyboardInterrupt:
            pass  # the normal end
        if stream.num_skipped:
            self._tell(
                f"Skipped: {counted(stream.num_skipped, 'frame')}, because the "
                "network was slower than the camera"
            )
        if timeline.windows:
            name = re.sub(r"[^\w.-]+", "-", stream.name).strip("-.")
            self._save(timeline, name)
        else:
            self._tell("No timeline: there was no complete window")

    def _follow(self, stream, timeline):
        for window in self._predictor.windows(
            stream, self._window, self._stride
        ):
            timeline.windows.append(window)
            self._show(timeline, window)

    def _show(self, timeline, window):
        best = timeline.best(window, self._top)
        present = timeline.present(window)
        shown = {} if present is None else {"present": present}
        if self._json:
            names, values = zip(*best)
            line = json.dumps(
                {
                    "video": timeline.video,
                    "start": window.start,
                    "end": window.end,
                    "classes": names,
                    "probabilities": values,
                    **shown,
                },
                ensure_ascii=False,
            )
        else:
            classes = ", ".join(f"{100 * p:.0f} % {name}" for name, p in best)
            if present is not None:
                classes = f"{', '.join(present) or 'nothing'}  ({classes})"
            line = f"{window.start:8.2f} - {window.end:.2f} s  {classes}"
        echo(line)

    def _save(self, timeline, name):
        from keras_vidrec.visualization import figures
        from keras_vidrec.visualization import timeline_figure

        merged = segments.merge(
            timeline.windows, timeline.classes, self._merging
        )
        path = self._out / f"{name}-timeline"
        csv, json_file, png = (
            path.with_name(f"{path.name}.{suffix}")
            for suffix in ("csv", "json", "png")
        )
        timeline.save_csv(csv)
        timeline.save_json(json_file, merged)
        figures.save(timeline_figure.draw(timeline), png)
        table = self._out / f"{name}-segments.csv"
        segment_files.save_csv(table, {timeline.video: merged})
        segment_files.save_vtt(self._out / f"{name}-segments.vtt", merged)
        self._tell(
            f"Timeline: {csv}, .json and .png; "
            f"{counted(len(merged), 'segment')}: {table} "
            "and .vtt"
        )

    def _tell(self, text):
        """Prints a text: to stderr if stdout is JSON."""
        echo(text, err=self._json)

    def _tell_remarks(self, path, stream):
        remarks = [*stream.health.remarks]
        if stream.health.variable_rate:
            remarks.append(
                f"sampled at {stream.frame_rate:g} frames per second by time "
                "stamps"
            )
        remarks += self._predictor.remarks(path)
        if remarks:
            echo(f"{path}: {'; '.join(remarks)}.", err=True)
