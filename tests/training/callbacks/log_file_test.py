from keras_vidrec.training.callbacks.log_file import LogFile


def write(path, num_epochs, last):
    log = LogFile(path, num_epochs)
    log.on_train_begin()
    for epoch in range(num_epochs, last):
        log.on_epoch_end(epoch, {"loss": epoch / 2, "val_loss": 1.0})
    log.on_train_end()


def test_goes_on_after_an_interruption(tmp_path):
    """Without what was cut off, and without epochs that are repeated."""
    whole, path = tmp_path / "whole.csv", tmp_path / "log.csv"
    write(whole, 0, 5)
    assert whole.read_text().splitlines() == [
        "epoch,loss,val_loss",
        *(f"{epoch},{epoch / 2},1.0" for epoch in range(5)),
    ]
    write(path, 0, 3)
    with open(path, "a") as file:
        file.write("3,1.")
    write(path, 2, 4)
    write(path, 4, 5)
    assert path.read_text() == whole.read_text()
    write(path, 0, 5)
    assert path.read_text() == whole.read_text()


def test_nothing_but_a_header_is_nothing(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,lo")
    write(tmp_path / "log.csv", 0, 1)
    assert (tmp_path / "log.csv").read_text().split() == [
        "epoch,loss,val_loss",
        "0,0.0,1.0",
    ]


def test_lost_rows_are_told(tmp_path, caplog):
    path = tmp_path / "log.csv"
    write(path, 0, 3)
    write(path, 3, 3)
    assert not caplog.messages
    path.write_text(path.read_text().replace("\n1,", "\n\0,"))
    write(path, 3, 4)
    assert caplog.messages == [f"{path} has lost the rows of 1 of 3 epochs."]
    assert [line[0] for line in path.read_text().split()] == [*"e023"]
    path.unlink()
    write(path, 4, 5)
    assert caplog.messages[1:] == [
        f"{path} has lost the rows of 4 of 4 epochs."
    ]
