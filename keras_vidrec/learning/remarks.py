"""Messages of the steps, which are written to a file instead of shown."""

import contextlib
import logging

# Modules whose messages are not shown, because `vidrec learn` prints its own in
# the plan or with its choices, or because they name settings that it does not
# have.
_TOLD = frozenset(
    {"classifiers", "evaluator", "initialization", "notes", "starting"}
    | {"trainer"}
)
# TensorFlow warns if networks are called with inputs of several sizes.
_BACKENDS = ("tensorflow", "jax")


class _File(logging.FileHandler):
    """A log file that ignores errors such as a full disk, because the next file
    that is written reports it in one line."""

    def handleError(self, record):
        """Ignores the error, so that the message is lost."""

    def close(self):
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def kept(path):
    """Context in which all log messages of the package are appended to a file.
    Only those of other modules than `_TOLD` are also shown, such as those about
    videos that cannot be read.

    Args:
        path: `pathlib.Path` of the file.
    """
    logger = logging.getLogger("keras_vidrec")
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(
            contextlib.closing(_File(path, encoding="utf-8"))
        )
        file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

        def is_shown(record):
            file.handle(record)
            return record.module not in _TOLD

        logger.addFilter(is_shown)
        stack.callback(logger.removeFilter, is_shown)
        for name in _BACKENDS:
            other = logging.getLogger(name)
            stack.callback(other.setLevel, other.level)
            other.setLevel(logging.ERROR)
        yield
