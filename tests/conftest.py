"""A strict test environment: two logical devices, warnings are errors."""

import functools
import gc
import importlib.metadata
import os
import sys
import tempfile

# Before any backend is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
# Tests compile much and compute little, by XLA on TensorFlow too. It ends the
# process on a flag that it does not know, as the oldest release the second.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0"
    if importlib.metadata.version("tensorflow").startswith("2.16.")
    else "--xla_backend_optimization_level=0 "
    "--xla_cpu_use_fusion_emitters=false",
)

import pathlib

# Examples that failed are kept with what else pytest keeps.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY",
    str(pathlib.Path(__file__).parents[1] / ".pytest_cache/hypothesis"),
)

import pytest

DATA = pathlib.Path(os.environ.get("VIDREC_TEST_DATA", ""))
TESTS = pathlib.Path(__file__).parent
EXIT_STATUS = pytest.StashKey()
WITHOUT_NETWORKS = ("data", "flow", "specs", "videos")


def pytest_configure(config):
    # Whoever only hands tests out to workers computes nothing.
    if config.getoption("dist", "no") == "no" or hasattr(config, "workerinput"):
        prepare_backend()


def prepare_backend():
    import keras

    from tests import remembering

    remembering.remember_signatures()
    remembering.remember_attributes()
    if keras.backend.backend() != "torch":  # whose layers are its modules
        remembering.remember_plain_values()
    if sys.version_info < (3, 12):
        remembering.remember_protocols()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )
        remembering.remember_kernels()


def pytest_addoption(parser):
    parser.addoption(
        "--run-large",
        action="store_true",
        help="also run the tests that take over 10 seconds each",
    )


def pytest_collection_modifyitems(config, items):
    import keras

    backend = keras.backend.backend()
    for item in items:
        large = "large" in item.keywords or (
            backend == "jax" and "large_on_jax" in item.keywords
        )
        if large and not config.getoption("--run-large"):
            item.add_marker(
                pytest.mark.skip(reason="large: pass --run-large to run it")
            )
        if "tensorflow_only" in item.keywords and backend != "tensorflow":
            item.add_marker(
                pytest.mark.skip(reason=f"TensorFlow only, not {backend}")
            )


def pytest_sessionfinish(session, exitstatus):
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    # Where tensorflow-io has read from S3 an orderly exit aborts: its threads
    # outlive what they use. Without an exit the status is that of the tests.
    if "tensorflow_io" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash.get(EXIT_STATUS, 1))


def pytest_collection_finish():
    # Collections after each test would walk all of TensorFlow and Keras, and
    # most of what a network is made of lives as long as its test.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 20)


@pytest.fixture(autouse=True)
def clean_keras_state(request):
    import keras

    keras.utils.set_random_seed(0)
    yield
    room, *below = request.node.path.relative_to(TESTS).parts
    if room in WITHOUT_NETWORKS or not below:
        return  # no networks to clean up
    keras.config.set_dtype_policy("float32")
    # Freeing memory is a collection of garbage, a quarter of all the time.
    keras.utils.clear_session(free_memory=False)


@pytest.fixture
def no_pipeline_left(tmp_path_factory, monkeypatch):
    """Whatever happens, Beam leaves no directory of a pipeline."""
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert not [*temporary.glob("beam-*")]


@pytest.fixture
def eager(monkeypatch):
    """Trainings of a few steps, each as it comes: to compile one takes longer
    than all of them."""
    import keras

    monkeypatch.setattr(
        keras.Model,
        "compile",
        functools.partialmethod(keras.Model.compile, run_eagerly=True),
    )


@pytest.fixture
def uncompiled(monkeypatch):
    """Predictions of a few clips without a program: to compile a network takes
    longer than all that is asked of it."""
    import keras

    monkeypatch.setattr(
        keras.Model,
        "predict_on_batch",
        lambda model, clip: keras.tree.map_structure(
            keras.ops.convert_to_numpy, model(clip, training=False)
        ),
    )


@pytest.fixture
def real_data():
    """Directory of real clips named by `VIDREC_TEST_DATA`."""
    if not os.environ.get("VIDREC_TEST_DATA"):
        pytest.skip("needs real clips: set VIDREC_TEST_DATA to their directory")
    return DATA.resolve()


@pytest.fixture(scope="session")
def small_videos(tmp_path_factory):
    """Directory of real video files in UCF101 layout: 12 classes of 2
    training clips and 1 test clip, 12 frames of 32 x 40 pixels."""
    from keras_vidrec.data import synthetic

    return synthetic.generate(
        tmp_path_factory.mktemp("videos"),
        train_groups=2,
        test_groups=1,
        clips_per_group=1,
        size=(32, 40),
        num_frames=12,
    )
