"""The report of a run, or of a test, as an HTML page."""

import typing

from keras_vidrec import lazy

if typing.TYPE_CHECKING:
    from keras_vidrec.reporting.measuring.benchmark import (
        benchmark as benchmark,
    )
    from keras_vidrec.reporting.measuring.measurement import (
        Benchmark as Benchmark,
    )
    from keras_vidrec.reporting.measuring.measurement import (
        Measurement as Measurement,
    )
    from keras_vidrec.reporting.page import report as report
    from keras_vidrec.reporting.page import write as write

__all__, __getattr__, __dir__ = lazy.attach(
    __name__,
    {
        "Benchmark": "reporting.measuring.measurement",
        "Measurement": "reporting.measuring.measurement",
        "benchmark": "reporting.measuring.benchmark",
        "report": "reporting.page",
        "write": "reporting.page",
    },
)
