import csv
import hashlib
import html
import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from keras_vidrec import reporting
from keras_vidrec.evaluation.scores.score_file import Scores
from keras_vidrec.reporting import chain
from keras_vidrec.reporting import page as pages
from keras_vidrec.specs import Origin
from keras_vidrec.training import recipes
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos
from keras_vidrec.training.run_videos import Video
from tests.cli.command import vidrec
from tests.data.memory_source import MemorySource

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ODD = ("<script>alert('x')</script>", "größer & 走る", "run")
LOG = (
    "epoch,accuracy,clips_per_second,input_wait,learning_rate,loss,"
    "val_accuracy,val_loss\n"
    "0,0.25,40.0,0.5,0.01,2.5,0.2,2.6\n"
    "1,0.5,50.0,0.1,0.001,1.5,NA,NA\n"
    "2,0.75,60.0,0.3,0.0001,0.5,0.4,2.0\n"
    "3,0.8"  # cut off
)


class Page(html.parser.HTMLParser):
    """What is on a page: tags with their attributes, and the words."""

    def __init__(self, path):
        super().__init__()
        self.tags = []
        self._open = []
        self.words = ""
        self.source = path.read_text("utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self._open and not data.isspace():
            self.words += f" {data}"

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores_of(taken_for, labels, classes=ODD, videos=None, **fields):
    """Scores of videos that are taken for these classes, the later ones the
    more certainly."""
    values = np.eye(len(classes))[list(taken_for)]
    values *= 1 + np.arange(len(values))[:, None]
    videos = videos or tuple(f"v{i}.avi" for i in range(len(labels)))
    return Scores(videos, values, labels, classes, **fields)


def make_run(path, directory=None):
    """A run as training and evaluation leave it, but for the network."""
    run = Run(path)
    recipe = recipes.get("tsn_rgb_ucf101_code")
    run.claim(recipe.with_data(directory=directory))
    run.log_file.write_text(LOG)
    return run


def check_self_contained(page):
    """Nothing is loaded from elsewhere; links lead into the page or to the
    figures beside it."""
    for source in page.attributes("src"):
        assert source.startswith("data:image/jpeg;base64,")
    for link in page.attributes("href"):
        assert re.fullmatch(r"#[\w-]+|figures/\w+\.csv|origin.json", link), link
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "base"}
    assert not re.search(r"(src|href)\s*=\s*.?(https?:|//)", page.source)
    assert "url(http" not in page.source and "@import" not in page.source
    names = page.attributes("id")
    assert len(set(names)) == len(names)
    for label in page.attributes("aria-labelledby"):
        assert label in names
    for tag, attributes in page.tags:
        if tag == "img":
            assert attributes["alt"]


def test_report_of_a_run(small_videos, tmp_path):
    run = make_run(tmp_path / "run", small_videos)
    found = sorted(small_videos.rglob("*.avi"))
    videos = [path.relative_to(small_videos).as_posix() for path in found]
    labels = [0, 0, 0, 0, 0, 1, 1, 2, -1]
    taken = [0, 1, 1, 1, 2, 1, 0, 2, 0]
    videos = (*videos[:8], "gone.avi")
    main = scores_of(
        taken,
        labels,
        videos=videos,
        meta={
            "protocol": "3x1",
            "modality": "rgb",
            "num_segments": 25,
            "videos_per_second": 4.5,
        },
    )
    main.save(run.scores / "3x1-small_split1.npz")
    meta = {**main.meta, "protocol": "25x1", "crops": "center"}
    other = scores_of(labels[:8], labels[:8], meta=meta)
    other.save(run.scores / "25x1-small_split1.npz")
    with pytest.raises(
        ValueError, match="run@25x1, .*run@3x1. Received: .*2 t"
    ):
        reporting.report(run.path, verbose=False)
    page = reporting.report(f"{run.path}@3x1", verbose=False)
    assert page == run.path / "report" / "index.html"
    figures = page.parent / "figures"
    page = Page(page)
    check_self_contained(page)

    # The one that is named comes first; accuracies by hand.
    first, second = table(figures / "tests.csv")
    assert first["test"] == "3x1" and second["test"] == "25x1"
    assert (first["videos"], first["labeled"]) == ("9", "8")
    assert float(first["top_1"]) == 3 / 8 and first["top_5"] == ""
    mean = np.mean([1 / 5, 1 / 2, 1])
    assert float(first["mean_class_accuracy"]) == pytest.approx(mean)
    # Wilson's interval of 3 in 8, by its formula.
    z, n, p = 1.959963984540054, 8, 3 / 8
    half = z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    low, high = (
        (p + z**2 / 2 / n + s * half) / (1 + z**2 / n) for s in (-1, 1)
    )
    assert float(first["top_1_low_95"]) == pytest.approx(low)
    assert float(first["top_1_high_95"]) == pytest.approx(high)
    assert float(second["top_1"]) == 1
    assert " 8/9 3x1 protocol, rgb, 25 segments " in page.words
    assert " 25x1 protocol, rgb, 25 segments, center crops " in page.words
    for words in ("37.50 %", f"{100 * low:.2f} to {100 * high:.2f} %", "8/9"):
        assert words in page.words

    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (labels[:8], taken[:8]), 1)
    rows = table(figures / "confusion_matrix.csv")
    assert [row.pop("class") for row in rows] == list(ODD)
    found = [list(map(int, row.values())) for row in rows]
    np.testing.assert_array_equal(found, matrix)
    cells = [a for t, a in page.tags if a.get("class") in ("hit", "miss")]
    assert len(cells) == np.count_nonzero(matrix)
    assert sum(a["class"] == "hit" for a in cells) == 3

    rows = table(figures / "classes.csv")
    assert [row["class"] for row in rows] == list(ODD)  # the hardest first
    assert (rows[0]["taken_for"], rows[0]["times"]) == (ODD[1], "3")
    assert float(rows[0]["accuracy"]) == 1 / 5
    assert float(rows[1]["precision"]) == 1 / 4
    assert (rows[2]["taken_for"], rows[2]["times"]) == ("", "0")

    assert [
        tuple(row.values()) for row in table(figures / "confused_pairs.csv")
    ] == [
        (ODD[0], ODD[1], "3", "5", "1"),
        (ODD[0], ODD[2], "1", "5", "0"),
        (ODD[1], ODD[0], "1", "2", "3"),
    ]
    # The later, the more certain: video 3 leads by 4, video 2 by 3.
    mistakes = table(figures / "mistakes.csv")
    assert [row["video"] for row in mistakes] == [
        videos[i] for i in (3, 2, 4, 6)
    ]
    assert [float(row["margin"]) for row in mistakes] == [4, 3, 5, 7]
    assert [row["place_of_class"] for row in mistakes] == ["2"] * 4
    assert len(page.attributes("src")) == 4 * 6

    losses = table(figures / "loss.csv")
    assert [row["epoch"] for row in losses] == ["1", "2", "3"]
    assert [row["val_loss"] for row in losses] == ["2.6", "", "2"]
    rates = table(figures / "learning_rate.csv")
    assert [row["learning_rate"] for row in rates] == [
        "0.01",
        "0.001",
        "0.0001",
    ]
    rows = table(figures / "speed.csv")
    speed = {(row["what"], row["unit"]): row["value"] for row in rows}
    assert speed["training, median epoch", "clips a second"] == "50"
    assert speed["training, median epoch", "share of time waiting"] == "0.3"
    assert speed["3x1", "videos a second"] == "4.5"

    # The paper's figure is called the paper's; seed and versions are stated.
    assert "Not measured here: what the paper reports" in page.words
    assert "85.7 %" in page.words
    noted = json.loads(run.environment_file.read_text())
    assert noted["starts"][0]["versions"]["numpy"] in page.words
    assert run.recipe_file.read_text() in page.words
    for name in ODD:
        assert name in page.words


def test_classes_of_few_videos_and_certainty(tmp_path):
    names = tuple("abcdef")
    run = make_run(tmp_path / "run")
    videos = [
        Video(f"{name}{i}", name, None)
        for name, number in zip(names, (30, 30, 30, 3, 3, 3))
        for i in range(number)
    ]
    RunVideos(names, tuple(videos), (), ()).save(run.videos_file)
    labels = [*range(6), 0, 3]
    scores = scores_of([0, 1, 2, 0, 0, 5, 1, 3], labels, names)
    scores.save(run.scores / "3x1-small_split1.npz")
    out, err = vidrec("report", run.path)
    assert not err
    lines = [line.split() for line in out.splitlines()]
    assert lines[1] == ["1", "to", "4", "3", "4", "50.00", "%", "50.00", "%"]
    assert lines[2][:5] == ["20", "to", "99", "3", "4"]
    page = Page(run.report / "index.html")
    check_self_contained(page)
    assert {"class_sizes", "reliability"} <= set(page.attributes("id"))
    rows = table(run.report / "figures" / "reliability.csv")
    assert sum(int(row["videos"]) for row in rows) == 8
    (first,) = table(run.report / "figures" / "tests.csv")
    error = sum(
        int(row["videos"])
        * abs(float(row["accuracy"]) - float(row["mean_probability"]))
        for row in rows
    )
    assert float(first["calibration_error"]) == pytest.approx(error / 8)
    for words in ("Calibration error", "15 bins", "Top-5", "20 to 99"):
        assert words in page.words
    # Lost lists are no reason not to report.
    run.videos_file.write_text("{}")
    out, err = vidrec("report", run.path)
    assert len(out.splitlines()) == 1
    assert "No accuracies of rare classes" in err


def test_marks_and_origin_are_on_the_page(tmp_path, caplog):
    run = make_run(tmp_path / "run")
    run.model_file.write_bytes(b"network")
    network = Origin("network", "f00", marks=("<2 of 9> leak",))
    origin = Origin("scores", "cafe", parents={"network": network})
    meta = {"model": hashlib.sha256(b"network").hexdigest()}
    for test, fields in (
        ("3x1", {"meta": meta, "origin": origin}),
        ("25x1", {"meta": {"model": "another"}}),
        ("8x1", {}),
    ):
        found = scores_of([0, 1], [0, 0], **fields)
        found.save(run.scores / f"{test}-a_split1.npz")
    page = Page(reporting.report(f"{run.path}@3x1", verbose=False))
    check_self_contained(page)
    assert "3x1 : <2 of 9> leak" in page.words.replace("\n", "")
    first, second = table(run.report / "figures" / "tests.csv")
    assert (first["test"], first["marks"]) == ("3x1", "<2 of 9> leak")
    assert (second["test"], second["marks"]) == ("8x1", "")
    message, of_size = caplog.messages
    assert "The size of the network is not known: Expected a .keras" in of_size
    assert "Left out of the report" in message and "25x1-a_split1" in message
    found = chain.read(run.report / "origin.json")
    assert found.kind == "report"
    assert found.parents == {"3x1": origin, "8x1": Origin("scores")}
    for line in chain.lines(found):
        assert line in page.words


def test_nothing_of_the_data_becomes_markup(tmp_path):
    name = "<img src=x onerror=alert(1)>\"'&\ud800.avi"
    scores = Scores(
        (name,),
        [[0, 1, 0]],
        [0],
        ODD,
        {"modality": "<b>", "fusion": "</style><script>"},
    )
    page = Page(
        reporting.write(
            {"<i>test": scores}, tmp_path, title="<u>", verbose=False
        )
    )
    check_self_contained(page)
    assert not {"b", "i", "u", "img"} & {tag for tag, _ in page.tags}
    assert "<img src=x onerror=alert(1)>\"'&?.avi" in page.words
    (row,) = table(tmp_path / "figures" / "mistakes.csv")
    assert row["class"] == ODD[0] and row["taken_for"] == ODD[1]


def test_a_dataset_that_is_gone(tmp_path):
    run = make_run(tmp_path / "run", tmp_path / "gone")
    scores_of([1, 0], [0, 0]).save(run.scores / "3x1-small_split1.npz")
    page = Page(reporting.report(run.path, verbose=False))
    assert "No frames are shown: " in page.words and "gone" in page.words
    assert "v0.avi" in page.words and not page.attributes("src")
    # Asked for, it must be there.
    with pytest.raises(ValueError, match="elsewhere"):
        reporting.report(run.path, data=tmp_path / "elsewhere", verbose=False)


class Flow(MemorySource):
    modalities = ("flow",)


def test_frames_of_flow_and_of_videos_that_cannot_be_read(tmp_path):
    source = Flow(broken=[2])
    videos = ("video0", "video2", "other")
    scores = scores_of([1, 1, 1], [0, 0, 0], ("a", "b"), videos)
    reporting.write(scores, tmp_path, source=source, verbose=False)
    page = Page(tmp_path / "index.html")
    assert "contains flow but no frames" in page.words
    # The two most certain mistakes are shown.
    assert "Not in the dataset." in page.words
    assert "video2: it is broken" in page.words.replace("'", "")
    assert not page.attributes("src")
    scores = scores_of([1], [0], ("a", "b"), videos[:1])
    reporting.write(scores, tmp_path, source=source, verbose=False)
    assert len(Page(tmp_path / "index.html").attributes("src")) == 6
    assert source.reads[-1] == ("flow", [1, 4, 7, 11, 14, 17])


def test_nothing_to_show(tmp_path):
    unknown = scores_of([0, 1], [-1, -1])
    page = Page(reporting.write(unknown, tmp_path / "a", verbose=False))
    assert "no video has a label" in page.words and "nan" not in page.words
    (row,) = table(tmp_path / "a" / "figures" / "tests.csv")
    assert row["top_1"] == row["top_1_low_95"] == ""
    right = scores_of([0, 1], [0, 1])
    page = Page(reporting.write(right, tmp_path / "b", verbose=False))
    assert "recognized without a mistake" in page.words
    assert table(tmp_path / "b" / "figures" / "mistakes.csv") == []
    empty = scores_of([], [], videos=())
    page = Page(reporting.write(empty, tmp_path / "c", verbose=False))
    assert "no video has a label" in page.words


def test_a_score_file_and_what_else_lies_beside_it(tmp_path):
    path = tmp_path / "mine.npz"
    scores_of([1, 0], [0, 0]).save(path)
    page = reporting.report(path, verbose=False)
    assert page == tmp_path / "mine-report" / "index.html"
    assert "no dataset was named" in Page(page).words
    # In a run it is reported with the training; other files stay.
    run = make_run(tmp_path / "run")
    scores_of([1, 0], [0, 0]).save(run.scores / "x.npz")
    out = tmp_path / "out"
    kept = out / "figures" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    page = reporting.report(run.scores / "x.npz", out, verbose=False)
    assert "3 epochs" in Page(page).words and kept.read_text() == "mine"
    assert not [*out.rglob(".*partial*")]


@pytest.mark.parametrize("damage", ["{", "[]", '{"starts": []}'])
def test_a_lost_environment_is_no_reason_not_to_report(tmp_path, damage):
    run = make_run(tmp_path)
    scores_of([1, 0], [0, 0]).save(run.scores / "3x1-small_split1.npz")
    run.environment_file.write_text(damage)
    run.log_file.unlink()
    page = Page(reporting.report(run.path, verbose=False))
    assert "environment" not in page.attributes("id")
    assert "training" not in page.attributes("id")


def test_bad_input(tmp_path):
    run = make_run(tmp_path / "run")
    with pytest.raises(ValueError, match="vidrec evaluate .*run. tests it"):
        reporting.report(run.path)
    with pytest.raises(ValueError, match="gone, which does not exist"):
        reporting.report(tmp_path / "gone")
    with pytest.raises(ValueError, match="recipe.yaml. Received"):
        reporting.report(tmp_path)
    run.scores.mkdir()
    (run.scores / "3x1-small_split1.npz").write_bytes(b"no scores")
    with pytest.raises(ValueError, match="score file.*3x1-small_split1.npz"):
        reporting.report(run.path)
    assert not (run.path / "report").exists()
    with pytest.raises(ValueError, match="Received: none"):
        reporting.write({}, tmp_path)


def browse(page, width, *options):
    """Runs a browser without a window, and returns what it prints."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("needs a browser: install chromium")
    return subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={page.parent / 'profile'}",
            f"--window-size={width},2000",
            *map(str, options),
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def needed_width(page, width):
    """How wide a page is in a frame of some width: more if it overflows. (A
    window cannot be so narrow as a telephone.)"""
    frame = page.with_name("frame.html")
    content = html.escape(page.read_text("utf-8"))
    frame.write_text(
        f'<iframe width="{width}" height="900" style="border: 0" '
        f'srcdoc="{content}"></iframe><script>\n'
        "const frame = document.querySelector('iframe');\n"
        "frame.onload = () => { const window = frame.contentWindow;\n"
        "document.title = window.document.documentElement.scrollWidth + "
        "' of ' + window.innerWidth; }</script>",
        "utf-8",
    )
    out = browse(frame, 1400, "--dump-dom")
    needed, given = re.search(r"<title>(\d+) of (\d+)", out).groups()
    assert int(given) == width
    return int(needed)


def test_shades_tell_where_there_is_more_to_scroll_to(tmp_path):
    import cv2

    page = tmp_path / "page.html"
    template = pages.TEMPLATES.from_string(
        '{% from "macros.html" import scrolling %}<!DOCTYPE html>'
        '<style>{% include "style.css" %} body { padding: 0; }'
        ".scroll div { height: 200px; }</style>"
        "{% for width, text in boxes %}{% call scrolling(width) %}"
        '<div style="width: {{ width }}px">{{ text }}</div>'
        "{% endcall %}{% endfor %}"
    )
    boxes = ((2000, "wide"), (100, "narrow"))
    page.write_text(template.render(boxes=boxes), "utf-8")
    picture = tmp_path / "page.png"
    browse(page, 600, f"--screenshot={picture}")
    gray = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    # Each box has a line of a pixel around it, and text above the middle.
    wide, narrow = gray[150, 4:-4], gray[150 + 218, 4:-4]
    assert wide[-1] < 225 < 250 < wide[:-30].min()
    assert narrow.min() > 250


@pytest.mark.parametrize("num_classes", [3, 101])
def test_in_a_browser(tmp_path, num_classes):
    import cv2

    names = tuple(f"ClassOfALongName{'x' * (i % 20)}{i}" for i in range(101))
    names = names[:num_classes]
    run = make_run(tmp_path / "run")
    rng = np.random.default_rng(0)
    labels = rng.integers(num_classes, size=600)
    taken = np.where(rng.random(600) < 0.7, labels, 0)
    videos = tuple(f"a_very_long_name_{'y' * 90}_{i}.avi" for i in range(600))
    scores = scores_of(taken, labels, names, videos)
    # Room for all sections, so that a picture shows them.
    page = reporting.write(
        scores,
        tmp_path / "report",
        recipe=run.recipe,
        log=run.log_file,
        environment=run.environment_file,
        verbose=False,
    )
    for width in (390, 1200):
        assert needed_width(page, width) <= width
    picture = tmp_path / "report.png"
    browse(page, 1200, f"--screenshot={picture}")
    image = cv2.imread(str(picture))
    assert image.shape == (2000, 1200, 3)
    assert 0.02 < np.mean(image.min(axis=2) < 200) < 0.9
    # To the bottom: no section has failed to appear.
    assert image[-400:].std() > 5
