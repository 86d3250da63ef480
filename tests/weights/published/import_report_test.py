from keras_vidrec.weights import ImportReport


def test_all_of_it():
    steps = {f"bn{i}.num_batches_tracked": "counts steps" for i in range(7)}
    report = ImportReport(
        format="pytorch",
        scheme="torchvision",
        loaded=("conv1.weight", "bn1.weight"),
        zero_biases=("res2a_branch2a", "res2a_branch2b"),
        inflated=("conv1 (3 to 10 channels: avg)",),
        ignored={**steps, "loss": "trains only"},
        left_out={
            "fc.weight": "of another shape",
            "fc.bias": "of another shape",
        },
        kept=("logits",),
        pixels={"flow": "(pixels - 128) / 128, in the model"},
    )
    assert str(report).splitlines() == [
        "2 tensors loaded (torchvision names, pytorch file)",
        "2 biases set to zero (the source has none)",
        "inflated: conv1 (3 to 10 channels: avg)",
        "kept as they were: logits",
        "left out, 2: fc.weight, fc.bias (of another shape)",
        "ignored, 7: bn0.num_batches_tracked, bn1.num_batches_tracked, "
        "bn2.num_batches_tracked, bn3.num_batches_tracked, "
        "bn4.num_batches_tracked and 2 more (counts steps)",
        "ignored, 1: loss (trains only)",
        "pixels of flow: (pixels - 128) / 128, in the model",
    ]


def test_what_is_not_there_is_not_told():
    report = ImportReport("caffe", "caffe", ("conv1:0",))
    assert str(report) == "1 tensors loaded (caffe names, caffe file)"
