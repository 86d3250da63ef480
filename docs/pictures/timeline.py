"""Draws the picture of the README: what happens when in a video.

    vidrec quickstart
    python docs/pictures/timeline.py quickstart

Test clips of the quickstart, which its networks have not seen, one after the
other in one video; its two streams together say what they see in each moment.
"""

import io
import pathlib
import sys
import tempfile

import matplotlib.font_manager
import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

import keras_vidrec
from keras_vidrec import videos
from keras_vidrec.evaluation.timeline import Timeline
from keras_vidrec.training import loading
from keras_vidrec.videos.video_writer import VideoWriter
from keras_vidrec.visualization import timeline_figure

OUT = pathlib.Path(__file__).with_name("timeline.png")
# Test clips whose object is in the middle of the picture.
SHOWN = {
    "Stripes": "g02_c01",
    "MoveRight": "g02_c01",
    "Dots": "g02_c01",
    "Shrink": "g03_c01",
    "MoveUp": "g03_c02",
}
FRAMES_OF_A_CLIP = 34
FRAMES_PER_SECOND = 25
WINDOW, STRIDE = 0.8, 0.2  # seconds
DPI = 100
COLORS = 128  # 200 kB are not exceeded


def main(quickstart):
    paths = [
        quickstart / f"videos/{name}/v_{name}_{clip}.avi"
        for name, clip in SHOWN.items()
    ]
    frames = np.concatenate(
        [videos.read_frames(p, range(FRAMES_OF_A_CLIP)) for p in paths]
    )
    streams = {
        name: loading.recognizer(quickstart / name) for name in ("rgb", "flow")
    }
    recognizer = keras_vidrec.Recognizer(
        keras_vidrec.applications.LateFusion(
            streams, fusion_weights={"rgb": 1.0, "flow": 1.5}
        )
    )
    with tempfile.TemporaryDirectory() as directory:
        long = pathlib.Path(directory) / "long.mp4"
        with VideoWriter(long) as writer:
            for number, frame in enumerate(frames):
                writer.write(frame, number / FRAMES_PER_SECOND)
        windows = [*recognizer.windows(long, WINDOW, STRIDE)]
        figure = timeline_figure.draw(
            Timeline(str(long), recognizer.classes, windows)
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    curves = Image.open(buffer).convert("RGB")
    box = figure.axes[0].get_position()
    left, right = (round(side * curves.width) for side in (box.x0, box.x1))
    above = strip(frames, right - left)
    picture = Image.new(
        "RGB", (curves.width, above.height + curves.height), "white"
    )
    picture.paste(above, (left, 0))
    picture.paste(curves, (0, above.height))
    picture.quantize(COLORS).save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size} bytes, {picture.size}")


def strip(frames, width):
    """Two frames of each clip, and above them what it shows."""
    font = matplotlib.font_manager.findfont("DejaVu Sans")
    font, top = ImageFont.truetype(font, 13), 24
    side = width // (2 * len(SHOWN))
    height = round(side * frames.shape[1] / frames.shape[2])
    picture = Image.new("RGB", (width, top + height + 4), "white")
    pen = ImageDraw.Draw(picture)
    for place, name in enumerate(SHOWN):
        pen.text(
            ((2 * place + 1) * side, top // 2), name, "#1c2128", font, "mm"
        )
        for half in range(2):
            number = round((place + 0.25 + 0.5 * half) * FRAMES_OF_A_CLIP)
            frame = Image.fromarray(frames[number])
            picture.paste(
                frame.resize((side - 2, height)),
                ((2 * place + half) * side + 1, top),
            )
    return picture


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
