from keras_vidrec.weights.published.schemes import inception_v3_names


def test_convolutions():
    names = inception_v3_names.convolutions()
    assert names[0] == "Conv2d_1a_3x3"
    assert [name for name in names if name.startswith("Mixed_6a")] == [
        "Mixed_6a.branch3x3",
        "Mixed_6a.branch3x3dbl_1",
        "Mixed_6a.branch3x3dbl_2",
        "Mixed_6a.branch3x3dbl_3",
    ]
    assert [name for name in names if name.startswith("Mixed_7c")] == [
        "Mixed_7c.branch1x1",
        "Mixed_7c.branch3x3_1",
        "Mixed_7c.branch3x3_2a",
        "Mixed_7c.branch3x3_2b",
        "Mixed_7c.branch3x3dbl_1",
        "Mixed_7c.branch3x3dbl_2",
        "Mixed_7c.branch3x3dbl_3a",
        "Mixed_7c.branch3x3dbl_3b",
        "Mixed_7c.branch_pool",
    ]
    assert len(set(names)) == len(names) == 94
