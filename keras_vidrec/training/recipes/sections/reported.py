import dataclasses


@dataclasses.dataclass(frozen=True)
class Reported:
    """A figure of the paper, never one of this package.

    Args:
        source: str. Paper and table.
        dataset: str.
        accuracy: float. Per cent.
        note: str. What it was measured on.
    """

    source: str
    dataset: str
    accuracy: float
    note: str = ""
