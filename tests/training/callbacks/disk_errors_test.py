import pytest
import tensorflow as tf

from keras_vidrec.training.run import Run

SUMMARY = (
    "{{function_node __wrapped__FlushSummaryWriter_device_CPU:0}} "
    "/run/tensorboard/train/events.out.1; No space left on device\n"
    "\tCould not flush events file. [Op:FlushSummaryWriter] name: "
)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "/run/backup/state.npz"),
        tf.errors.OutOfRangeError(None, None, SUMMARY),
    ],
)
def test_tells_what_to_do(error):
    with pytest.raises(OSError) as raised:
        with Run("/run").writing():
            raise error
    assert str(raised.value) == (
        "Training stopped: /run cannot be written (No space left on device). "
        "Backups are intact: the same command goes on from the last one, if "
        "there is one."
    )
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a"),
        BrokenPipeError(32, "Broken pipe"),  # `vidrec train ... | head`
        tf.errors.ResourceExhaustedError(None, None, "GPU"),
    ],
)
def test_leaves_other_errors(error):
    with pytest.raises(type(error)) as raised:
        with Run("/run").writing():
            raise error
    assert raised.value is error
