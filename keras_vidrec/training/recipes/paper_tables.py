"""What the rows of the papers' tables are, as arguments of the builders.

Accuracies are the papers' own, in per cent. None of them was measured with
this package.
"""

import dataclasses
import types

TS_LSTM_PAPER = "Ma et al., 2017"
STFN_PAPER = "Cho and Foroosh, 2018"

_UCF101 = "UCF101 split 1"
_HMDB51 = "HMDB51 split 1"


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        paper: str. `TS_LSTM_PAPER` or `STFN_PAPER`.
        table: int. Number of the table.
        row: str. What the row says.
        application: str. Name of the builder in `applications`.
        arguments: mapping of the builder's keyword arguments; all others are
            left as they are.
        paper_accuracy: mapping of the paper's accuracy in per cent by data
            set.
    """

    paper: str
    table: int
    row: str
    application: str
    arguments: types.MappingProxyType
    paper_accuracy: types.MappingProxyType


def _row(paper, table, row, application, arguments, accuracy):
    return Row(
        paper,
        table,
        row,
        application,
        types.MappingProxyType(arguments),
        types.MappingProxyType(accuracy),
    )


def _ts_lstm(table, row, accuracy, **arguments):
    return _row(
        TS_LSTM_PAPER, table, row, "TSLSTM", arguments, {_UCF101: accuracy}
    )


def _inception(table, row, accuracy, **arguments):
    return _row(
        TS_LSTM_PAPER,
        table,
        row,
        "TemporalInception",
        arguments,
        {_UCF101: accuracy},
    )


def _stfn(table, row, hmdb51, ucf101, **arguments):
    # 5 segments in every table but the fourth (section 4.2).
    return _row(
        STFN_PAPER,
        table,
        row,
        "STFN",
        {"num_segments": 5, **arguments},
        {_HMDB51: hmdb51, _UCF101: ucf101},
    )


_ALL_FRAMES = {"temporal_segments": 1, "temporal_pooling": None}
_NO_LSTM = {"units": ()}
_BN = {"normalized": ("input", "output")}
_NO_BN = {"normalized": ()}

_TABLE_3 = (
    _ts_lstm(3, "1, BN, 512, BN, 101", 92.8, **_ALL_FRAMES, **_BN),
    _ts_lstm(
        3,
        "1, BN, (512,512), BN, 101",
        92.5,
        units=(512, 512),
        **_ALL_FRAMES,
        **_BN,
    ),
    _ts_lstm(
        3,
        "1, BN, (512,512,512), BN, 101",
        92.1,
        units=(512, 512, 512),
        **_ALL_FRAMES,
        **_BN,
    ),
    _ts_lstm(
        3, "1, BN, Max, BN, 101", 92.8, temporal_segments=1, **_NO_LSTM, **_BN
    ),
    _ts_lstm(
        3, "3, BN, Max, BN, 101", 93.4, temporal_segments=3, **_NO_LSTM, **_BN
    ),
    _ts_lstm(
        3,
        "3, BN, 512, Max, BN, 101",
        93.9,
        temporal_segments=3,
        fc_units=512,
        **_NO_LSTM,
        **_BN,
    ),
    _ts_lstm(3, "3, BN, Max + 512, BN, 101", 94.3, temporal_segments=3, **_BN),
    _ts_lstm(
        3,
        "3, BN, Max + (512,512), BN, 101",
        94.2,
        temporal_segments=3,
        units=(512, 512),
        **_BN,
    ),
    _ts_lstm(
        3,
        "3, BN, Max + (512,512,512), BN, 101",
        93.9,
        temporal_segments=3,
        units=(512, 512, 512),
        **_BN,
    ),
)

_TABLE_7 = (
    *(
        _ts_lstm(
            7,
            f"1, LSTM-{units}, FC-101",
            accuracy,
            units=(units,),
            **_ALL_FRAMES,
            **_NO_BN,
        )
        for units, accuracy in ((512, 87.0), (1024, 86.2), (2048, 85.8))
    ),
    *(
        _ts_lstm(
            7,
            f"1, BN, LSTM-{row}, BN, FC-101",
            accuracy,
            units=units,
            **_ALL_FRAMES,
            **_BN,
        )
        for row, units, accuracy in (
            ("512", (512,), 92.8),
            ("1024", (1024,), 91.2),
            ("2048", (2048,), 91.8),
            ("(512, 512)", (512, 512), 92.6),
            ("(1024, 512)", (1024, 512), 91.9),
            ("(512,512,512)", (512, 512, 512), 92.1),
        )
    ),
    _ts_lstm(
        7, "1, Max, FC-101", 89.0, temporal_segments=1, **_NO_LSTM, **_NO_BN
    ),
    _ts_lstm(
        7,
        "1, Max, BN, FC-101",
        92.8,
        temporal_segments=1,
        normalized=("output",),
        **_NO_LSTM,
    ),
    *(
        _ts_lstm(
            7,
            f"{segments}, BN, Max, BN, FC-101",
            accuracy,
            temporal_segments=segments,
            **_NO_LSTM,
            **_BN,
        )
        for segments, accuracy in ((1, 92.8), (3, 93.4), (5, 93.2))
    ),
    *(
        _ts_lstm(
            7,
            f"{segments}, BN, 512, Max, BN, FC-101",
            accuracy,
            temporal_segments=segments,
            fc_units=512,
            **_NO_LSTM,
            **_BN,
        )
        for segments, accuracy in ((3, 93.9), (5, 93.7))
    ),
    *(
        _ts_lstm(
            7,
            f"{segments}, BN, Max + {row}, BN, FC-101",
            accuracy,
            temporal_segments=segments,
            units=units,
            **_BN,
        )
        for segments, row, units, accuracy in (
            (3, "512", (512,), 94.3),
            (3, "1024", (1024,), 94.0),
            (3, "2048", (2048,), 94.1),
            (5, "512", (512,), 94.2),
            (5, "1024", (1024,), 94.1),
            (5, "2048", (2048,), 94.2),
            (3, "(512, 512)", (512, 512), 94.2),
            (3, "(1024, 512)", (1024, 512), 94.1),
            (3, "(512, 512, 512)", (512, 512, 512), 93.9),
            (5, "(512, 512)", (512, 512), 94.2),
            (5, "(1024, 512)", (1024, 512), 94.0),
            (5, "(512, 512, 512)", (512, 512, 512), 93.8),
        )
    ),
)

# Architectures as the tables write them: braces for stacks, parentheses for
# parallel flows. A single module of parallel flows is the first one of
# Temporal-Inception here.
_ARCHITECTURES = {
    "T": {"variant": "vgg", "num_layers": 1},
    "(T,T)": {"variant": "inception", "num_layers": 1},
    "{T,T}": {"variant": "vgg", "num_layers": 2},
    "{(T,T),(T,T)}": {"variant": "inception", "num_layers": 2},
    "{T,T,T,T}": {"variant": "vgg"},
    "({T,T,T,T},{T,T,T,T})": {"variant": "multi_flow_vgg"},
    "{(T,T),(T,T),(T,T),(T,T)}": {"variant": "inception"},
}
_INCEPTION = "{(T,T),(T,T),(T,T),(T,T)}"


def _architecture(table, row, accuracy, **arguments):
    name, *rest = row.split()
    return _inception(
        table,
        row,
        accuracy,
        **_ARCHITECTURES[name],
        batch_norm="BN" in rest,
        dropout=0.2 if "Dropout" in rest else 0.0,
        fc_units=int(rest[-1]) if rest[-1].isdigit() else None,
        **arguments,
    )


_TABLE_4 = tuple(
    _architecture(4, row, accuracy)
    for row, accuracy in (
        ("T BN Dropout 1024", 93.6),
        ("(T,T) BN Dropout 1024", 92.6),
        ("{T,T} BN Dropout 1024", 93.1),
        ("{(T,T),(T,T)} BN Dropout 1024", 92.7),
        ("{T,T,T,T} BN Dropout 1024", 94.0),
        ("({T,T,T,T},{T,T,T,T}) BN Dropout 1024", 93.4),
        (f"{_INCEPTION} 1024", 93.3),
        (f"{_INCEPTION} Dropout 1024", 93.4),
        (f"{_INCEPTION} BN 1024", 93.4),
        (f"{_INCEPTION} BN Dropout 2048", 93.7),
        (f"{_INCEPTION} BN Dropout 1024", 94.2),
    )
)

_TABLE_8 = tuple(
    _architecture(8, row, accuracy)
    for row, accuracy in (
        ("T BN Dropout 1024", 93.6),
        ("(T,T) BN Dropout 1024", 92.6),
        ("{T,T} BN Dropout 1024", 93.1),
        ("{(T,T),(T,T)} BN Dropout 1024", 92.7),
        ("{T,T,T,T} BN Dropout 512", 93.5),
        ("{T,T,T,T} BN Dropout 1024", 94.0),
        ("{T,T,T,T} BN Dropout 2048", 93.8),
        ("{T,T,T,T} BN Dropout 4096", 93.2),
        ("({T,T,T,T},{T,T,T,T}) BN Dropout 512", 93.6),
        ("({T,T,T,T},{T,T,T,T}) BN Dropout 1024", 93.4),
        ("({T,T,T,T},{T,T,T,T}) BN Dropout 2048", 93.5),
        ("({T,T,T,T},{T,T,T,T}) BN Dropout 4096", 93.2),
        (f"{_INCEPTION} 1024", 93.3),
        (f"{_INCEPTION} Dropout 1024", 93.4),
        (f"{_INCEPTION} BN 1024", 93.4),
        (f"{_INCEPTION} BN Dropout", 92.7),
        (f"{_INCEPTION} BN Dropout 512", 93.1),
        (f"{_INCEPTION} BN Dropout 1024", 94.2),
        (f"{_INCEPTION} BN Dropout 2048", 93.7),
        (f"{_INCEPTION} BN Dropout 4096", 93.4),
    )
)


def _convolutions(reduction):
    if isinstance(reduction, str):
        return {"avg": "Average pooling", "max": "Max pooling"}[reduction]
    return "Conv fusion, " + ", ".join(f"Conv1, {n}" for n in reduction)


_TABLE_9 = tuple(
    _inception(
        9,
        f"{place}: {_convolutions(reduction)}",
        accuracy,
        reduction=reduction,
        reduction_at=place,
    )
    for place, reduction, accuracy in (
        ("module", "avg", 92.8),
        ("module", "max", 92.9),
        ("module", (1,), 92.8),
        ("end", "avg", 93.0),
        ("end", "max", 93.1),
        ("end", (1,), 92.8),
        ("end", (2, 1), 92.9),
        ("end", (4, 1), 92.5),
        ("end", (8, 1), 93.3),
        ("end", (4, 2, 1), 94.2),
        ("end", (8, 4, 1), 93.8),
        ("end", (8, 2, 1), 92.7),
        ("end", (8, 4, 2, 1), 93.0),
    )
)

_TABLE_10 = (
    *(
        _inception(
            10,
            f"1-stride Conv + Max pooling, Conv{first} and Conv{second}",
            accuracy,
            kernel_sizes=(first, second),
        )
        for first, second, accuracy in (
            (3, 5, 92.0),
            (3, 7, 93.1),
            (3, 9, 93.8),
            (5, 9, 92.8),
            (7, 9, 93.9),
            (5, 7, 94.2),
        )
    ),
    _inception(
        10,
        "stacked Conv3 to replace Conv5 & Conv7",
        93.3,
        kernel_sizes=(5, 7),
        factorized=True,
    ),
    _inception(
        10,
        "2-stride Conv, Conv5 and Conv7",
        94.4,
        kernel_sizes=(5, 7),
        downsampling="stride",
    ),
)

_STFN_TABLES = (
    _stfn(1, "Fig. 4a", 70.4, 93.5, variant="a"),
    _stfn(1, "Fig. 4b", 69.6, 93.2, variant="b"),
    _stfn(1, "Fig. 4c", 69.2, 92.0, variant="c"),
    _stfn(2, "Average", 70.4, 93.5, fusion="avg"),
    _stfn(2, "Maximum", 69.5, 92.9, fusion="max"),
    _stfn(2, "Multiplication", 68.3, 92.6, fusion="multiply"),
    _stfn(3, "A<->M", 70.4, 93.5, direction="both"),
    _stfn(3, "A<-M", 70.3, 93.4, direction="motion_to_appearance"),
    _stfn(3, "A->M", 70.1, 93.2, direction="appearance_to_motion"),
    _stfn(4, "3", 70.3, 93.2, num_segments=3),
    _stfn(4, "5", 70.4, 93.5, num_segments=5),
    _stfn(4, "7", 70.8, 93.9, num_segments=7),
    _stfn(4, "9", 70.5, 93.6, num_segments=9),
)

TABLE = (
    *_TABLE_3,
    *_TABLE_4,
    *_TABLE_7,
    *_TABLE_8,
    *_TABLE_9,
    *_TABLE_10,
    *_STFN_TABLES,
)
