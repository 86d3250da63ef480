"""A disk that is full while training writes."""

import contextlib

import tensorflow as tf

# Operations of TensorFlow that write the files of TensorBoard.
_WRITER = "SummaryWriter"


@contextlib.contextmanager
def explained(path):
    """Says which directory cannot be written, and what to do.

    Args:
        path: path of the run directory.

    Raises:
        OSError: instead of the one of the file, or of the backend's error.
    """
    try:
        yield
    except BrokenPipeError:  # whoever read the progress has gone
        raise
    except OSError as error:
        raise _explanation(path, error.strerror or error) from error
    except tf.errors.OpError as error:
        if _WRITER not in error.message:
            raise
        # "... FILE; REASON", and lines on what was to be written.
        reason = error.message.split("\n")[0].split("; ")[-1]
        raise _explanation(path, reason) from error


def _explanation(path, reason):
    return OSError(
        f"Training stopped: {path} cannot be written ({reason}). Backups are "
        "intact: the same command goes on from the last one, if there is one."
    )
