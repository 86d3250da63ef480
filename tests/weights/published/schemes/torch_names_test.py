from keras_vidrec.weights.published.schemes import torch_names


def test_places():
    assert torch_names.places({"a.0": "conv1"}, {"a.1": "bn1"}) == {
        "a.0.weight": ("conv1", "kernel"),
        "a.0.bias": ("conv1", "bias"),
        "a.1.weight": ("bn1", "gamma"),
        "a.1.bias": ("bn1", "beta"),
        "a.1.running_mean": ("bn1", "moving_mean"),
        "a.1.running_var": ("bn1", "moving_variance"),
    }


def test_counters():
    names = ("bn1.num_batches_tracked", "bn1.weight", "num_batches_tracked")
    assert torch_names.counters(names) == {
        "bn1.num_batches_tracked": "counts training steps"
    }
