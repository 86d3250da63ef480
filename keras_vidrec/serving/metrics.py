"""The metrics of a server, in the format of Prometheus."""

import time

import prometheus_client

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_PATHS = {"/predict", "/windows", "/health", "/metrics"}


class Metrics:
    """The metrics of a server.

    Args:
        waiting: function that returns the number of videos that are processed
            or wait.
        restarts: function that returns how many decoders were replaced.
    """

    def __init__(self, waiting, restarts):
        self._registry = registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        prometheus_client.PlatformCollector(registry=registry)
        self._requests = prometheus_client.Counter(
            "vidrec_requests", "Answers by status.", ["path", "status"],
            registry=registry,
        )  # fmt: skip
        self._latency = self._histogram(
            "vidrec_request_seconds",
            "Time until the answer begins.",
            ["path"],
        )
        self._decoding = self._histogram(
            "vidrec_decoding_seconds",
            "Time to decode a video, including waiting for a decoder.",
        )
        self._network = self._histogram(
            "vidrec_network_seconds", "Time of a call of the network."
        )
        self._videos = self._histogram(
            "vidrec_batch_videos", "Videos in a call of the network.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )  # fmt: skip
        self._windows = prometheus_client.Counter(
            "vidrec_windows", "Windows that were answered.", registry=registry
        )
        for name, text, read in (
            ("vidrec_waiting", "Videos processed or waiting.", waiting),
            ("vidrec_decoder_restarts", "Decoders replaced.", restarts),
        ):
            prometheus_client.Gauge(name, text, registry=registry).set_function(
                read
            )

    def _histogram(self, name, text, labels=(), buckets=_SECONDS):
        return prometheus_client.Histogram(
            name, text, labels, registry=self._registry, buckets=buckets
        )

    def answered(self, path: str, status: int, begun: float) -> None:
        """Counts an answer that begins now.

        Args:
            path: str. Path of the request.
            status: int. HTTP status.
            begun: float. `time.perf_counter()` at the start of the request.
        """
        path = path if path in _PATHS else "other"
        self._requests.labels(path, status).inc()
        self._latency.labels(path).observe(time.perf_counter() - begun)

    def decoding(self):
        """Returns a context that measures the time to decode a video."""
        return self._decoding.time()

    def computed(self, videos: int, seconds: float) -> None:
        """Counts a call of the network with a number of videos."""
        self._videos.observe(videos)
        self._network.observe(seconds)

    def window(self) -> None:
        """Counts a window."""
        self._windows.inc()

    def text(self) -> bytes:
        """Returns all metrics, in the format of `CONTENT_TYPE`."""
        return prometheus_client.generate_latest(self._registry)


CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
