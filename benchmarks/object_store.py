"""Times training clips read from a server with a delay.

A server on this machine, in a process of its own, has a prepared dataset of
340x256 frames and waits 50 ms before each answer. The clips of TSN (3 frames
each) are read through the input pipeline, by S3's protocol, over HTTP, and from
the disk. The output is the number of images per second that are decoded,
cropped and resized to 224x224. Then TSN with ResNet-50 is trained on them for
some steps, and the share of a step that waits for input is printed.

    python benchmarks/object_store.py

With few processors, reading and decoding share them with the server and the
network. The images per second are therefore a lower bound; a network on another
device only waits if it processes more images than that.
"""

import argparse
import asyncio
import email.utils
import multiprocessing
import os
import pathlib
import statistics
import tempfile
import time
from xml.sax.saxutils import escape

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import keras
import numpy as np
from aiohttp import web

from keras_vidrec import applications
from keras_vidrec.data import opening
from keras_vidrec.data import pipeline
from keras_vidrec.data.catalogs.catalog import Catalog
from keras_vidrec.data.catalogs.split import Split
from keras_vidrec.data.prepared import dataset as prepared_dataset
from keras_vidrec.data.prepared.shards import ShardWriter
from keras_vidrec.data.preparing.spool import ImageSpool
from keras_vidrec.data.preparing.video import encode_jpeg
from keras_vidrec.specs import ClipSpec

VIDEOS, FRAMES = 200, 100
SPEC = ClipSpec(num_segments=3, size=224)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--train-batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6)
    return parser.parse_args()


def make_dataset(directory):
    """Returns frames whose JPEG files are about as large as those of UCF101."""
    rng = np.random.default_rng(0)
    writer = ShardWriter(directory, "rgb", 2**27)
    names = tuple(f"a/{i}.avi" for i in range(VIDEOS))
    for name in names:
        spool = ImageSpool(directory / "spool")
        coarse = rng.integers(0, 256, (32, 43, 3)).astype(np.uint8)
        image = cv2.resize(coarse, (340, 256), interpolation=cv2.INTER_CUBIC)
        for t in range(FRAMES):
            spool.add(t, encode_jpeg(np.roll(image, t, axis=1), 95))
        writer.append(name, 0, 256, 340, spool.finish())
        writer.seal_if_long()
    writer.seal()
    (directory / "spool").unlink()
    every, zeros = tuple(range(VIDEOS)), (0,) * VIDEOS
    splits = {1: Split(every, ())}
    prepared_dataset.write(
        directory,
        Catalog(directory, names, zeros, names, ("a",), splits),
        ("rgb",),
        {"size": "340x256", "flow": "none", "bound": 20.0},
        failed={},
    )


def serve(directory, latency, port):
    """Serves files over HTTP, and as objects of a bucket, as far as needed for
    reading."""

    async def answer(request):
        await asyncio.sleep(latency)
        if "list-type" in request.query:
            return listing(directory, request)
        path = directory / request.path.strip("/")
        if path.is_dir():
            names = sorted(child.name for child in path.iterdir())
            links = "".join(f'<a href="{name}">{name}</a>' for name in names)
            return web.Response(text=links, content_type="text/html")
        if not path.is_file():
            return web.Response(status=404)
        return web.FileResponse(path)

    async def start():
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.send(site._server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(start())


def listing(directory, request):
    prefix = request.query.get("prefix", "")
    bucket = directory / request.path.strip("/")
    items = ""
    for path in sorted(bucket.rglob("*")):
        key = path.relative_to(bucket).as_posix()
        if path.is_file() and key.startswith(prefix):
            status = path.stat()
            when = time.gmtime(status.st_mtime)
            items += (
                f"<Contents><Key>{escape(key)}</Key>"
                f"<LastModified>{time.strftime('%Y-%m-%dT%H:%M:%SZ', when)}"
                f"</LastModified><Size>{status.st_size}</Size></Contents>"
            )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>'
        f"<Prefix>{escape(prefix)}</Prefix><IsTruncated>false</IsTruncated>"
        f"{items}</ListBucketResult>"
    )
    return web.Response(
        text=text,
        content_type="application/xml",
        headers={"Date": email.utils.formatdate(usegmt=True)},
    )


def clips_of(source, batch):
    split = range(len(source.videos))
    made = pipeline.make(source, SPEC, split, training=True, batch_size=batch)
    return made.as_numpy_iterator()


def images_per_second(source, options):
    batches, rates, costs = clips_of(source, options.batch), [], []
    images = options.batches * options.batch * SPEC.num_segments
    for _ in range(4):  # what is read ahead
        next(batches)
    for _ in range(options.rounds):
        start, processor = time.perf_counter(), time.process_time()
        for _ in range(options.batches):
            next(batches)
        rates.append(images / (time.perf_counter() - start))
        costs.append((time.process_time() - processor) / images)
    return statistics.median(rates), statistics.median(costs)


def wait_of_training(source, options):
    model = applications.TSN(
        input_shape=(3, 224, 224, 3),
        backbone="resnet50",
        weights=None,
        classes=101,
    )
    model.compile(
        keras.optimizers.SGD(0.001),
        keras.losses.SparseCategoricalCrossentropy(),
    )
    batches, waits, steps = clips_of(source, options.train_batch), [], []
    for step in range(options.steps + 1):
        start = time.perf_counter()
        images, labels = next(batches)
        waited = time.perf_counter() - start
        model.train_on_batch(images, labels)
        if step:  # the first one compiles
            waits.append(waited)
            steps.append(time.perf_counter() - start)
    return sum(waits) / sum(steps), statistics.median(steps)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        (work / "bucket" / "set").mkdir(parents=True)
        make_dataset(work / "bucket" / "set")
        port, other = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        server = context.Process(
            target=serve, args=(work, options.latency, other), daemon=True
        )
        server.start()
        url = f"http://127.0.0.1:{port.recv()}"
        os.environ["AWS_ENDPOINT_URL"] = url
        os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_REGION"] = "any"
        os.environ["AWS_SECRET_ACCESS_KEY"] = "any"
        places = {
            "disk": work / "bucket" / "set",
            "http": f"{url}/bucket/set",
            "s3": "s3://bucket/set",
        }
        sources = {}
        for name, place in places.items():
            start = time.perf_counter()
            sources[name] = opening.open_dataset(place).source
            opened = time.perf_counter() - start
            rate, cost = images_per_second(sources[name], options)
            print(
                f"{name}: {rate:.0f} images a second, {1000 * cost:.2f} ms of "
                f"a processor each, opened in {opened:.2f} s",
                flush=True,
            )
        for name in ("http", "s3")[: options.steps]:
            share, step = wait_of_training(sources[name], options)
            print(
                f"{name}: TSN ResNet-50 waits {share:.4f} of a step of "
                f"{step:.2f} s ({options.train_batch} clips)",
                flush=True,
            )
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
