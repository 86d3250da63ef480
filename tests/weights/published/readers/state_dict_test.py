from keras_vidrec.weights.published.readers.state_dict import without_wrapper


def test_a_prefix_of_all_names():
    tensors = {"module.conv1.weight": 1, "module.module.bias": 2}
    assert without_wrapper(tensors) == {"conv1.weight": 1, "module.bias": 2}


def test_a_prefix_of_some_names():
    tensors = {"module.conv1.weight": 1, "modules.bias": 2}
    assert without_wrapper(tensors) == tensors
