"""Draws the picture of the README: what the network of the quickstart sees.

vidrec quickstart
python docs/pictures/seen.py quickstart
"""

import dataclasses
import io
import pathlib
import sys

from PIL import Image

from keras_vidrec.training import loading
from keras_vidrec.visualization import grad_cam

OUT = pathlib.Path(__file__).with_name("seen.png")
# Every second of the nine segments is enough for a page.
SHOWN = slice(None, None, 2)
DPI = 80
COLORS = 128  # 200 kB are not exceeded


def main(quickstart):
    model = loading.recognizer(quickstart / "ts_lstm")
    path = sorted(quickstart.glob("videos/*Then*/*_g01_c01.avi"))[-1]
    clip = grad_cam.read_clip(model, path)
    found = grad_cam.explain(model, clip.images)
    shown = {name: images[SHOWN] for name, images in clip.images.items()}
    maps = {stream: maps[SHOWN] for stream, maps in found.maps.items()}
    figure = grad_cam.draw(
        clip._replace(images=shown), dataclasses.replace(found, maps=maps)
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    picture = Image.open(buffer).convert("RGB").quantize(COLORS)
    picture.save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size} bytes, {picture.size}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
