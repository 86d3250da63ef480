"""The page in a real browser."""

import pytest

import keras_vidrec
from keras_vidrec.data import synthetic
from keras_vidrec.serving.demo.examples import Example
from keras_vidrec.specs import FlowSpec
from keras_vidrec.specs import TestProtocol as Protocol
from keras_vidrec.videos import video
from tests.serving.demo import browser as browsers
from tests.serving.demo.clips import write_mp4

CLASSES = ("MoveLeft", "<b>${1 + 1}</b>", "MoveRight")
STATUS = "document.querySelector('.vidrec-status')?.innerText"
DONE = f"{STATUS}?.includes('frames of')"
VIDEO = "document.querySelector('#vidrec-video video')"

pytestmark = [
    pytest.mark.large,
    # Gradio's own use of pandas.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
    pytest.mark.skipif(
        browsers.PROGRAM is None, reason="needs the browser chromium"
    ),
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    directory = synthetic.generate(
        tmp_path_factory.mktemp("videos"),
        train_groups=1,
        test_groups=1,
        clips_per_group=1,
        size=(48, 64),
        num_frames=25,
        classes=("MoveLeft", "MoveRight"),
    )
    return sorted(directory.rglob("*.avi"))


def network(modality):
    model = keras_vidrec.applications.TSN(
        classes=3, backbone="tiny", modality=modality, input_shape=None
    )
    layer = model.get_layer("predictions")
    layer.class_names = CLASSES
    layer.clip_spec = layer.clip_spec.replace(
        size=32,
        num_segments=3,
        frame=layer.clip_spec.frame.replace(size="short48"),
        flow=FlowSpec("dis"),
    )
    layer.test_protocol = Protocol(num_segments=3, crops="center")
    return keras_vidrec.Recognizer(model)


@pytest.fixture(scope="module")
def runs():
    return {"rgb_run": network("rgb"), "flow <i>run</i>": network("flow")}


@pytest.fixture(scope="module")
def address(runs, clips):
    examples = [
        Example(path, path.parent.name, next(video.iter_frames(path)))
        for path in clips
    ]
    page = keras_vidrec.serving.Demo(
        runs, examples, window=0.4, max_seconds=5.0
    )
    with page.serving(port=0) as place:
        yield place


@pytest.fixture
def browser(address, tmp_path):
    with browsers.Browser(tmp_path / "profile") as one:
        one.resize(1280, 900)
        one.open(address)
        one.wait("document.querySelector('#vidrec-video input[type=file]')")
        yield one


def put(browser, path):
    browser.put_file("#vidrec-video input[type=file]", path)


def told(browser):
    """By run, what stands on the page: classes and their probabilities."""
    return browser.value(
        "[...document.querySelectorAll('.vidrec-classes')].map(a =>"
        "[...a.querySelectorAll('[data-class]')].map(c =>"
        "[c.dataset.class, Number(c.dataset.probability)]))"
    )


def test_a_video_is_uploaded_and_answered(browser, runs, clips, tmp_path):
    put(browser, clips[0])
    browser.wait(DONE)
    for recognizer, found in zip(runs.values(), told(browser), strict=True):
        (expected,) = recognizer.predict(clips[0])
        answers = zip(expected.classes, expected.probabilities)
        assert dict(found) == pytest.approx(dict(answers), abs=2e-6)
    # Names are text.
    text = browser.value("document.body.innerText")
    assert CLASSES[1] in text and "flow <i>run</i>" in text
    # Pictures: Grad-CAM of both, and one of the flow that one of them sees.
    pictures = "[...document.querySelectorAll('.vidrec-picture img')]"
    assert browser.value(f"{pictures}.map(p => p.naturalWidth > 99)") == (
        [True] * 3
    )
    # The browser plays what was an AVI, and the timeline seeks it.
    browser.wait(f"{VIDEO} && {VIDEO}.readyState >= 1")
    assert browser.value(f"{VIDEO}.duration") == pytest.approx(1.0, abs=0.1)
    browser.value(
        "(() => { const t = document.querySelector('.vidrec-track');"
        "const b = t.getBoundingClientRect(); t.dispatchEvent(new MouseEvent("
        "'click', {bubbles: true, clientX: b.left + b.width / 2})) })()"
    )
    length = browser.value(
        "Number(document.querySelector('.vidrec-track').dataset.length)"
    )
    seconds = browser.value(f"{VIDEO}.currentTime")
    assert seconds == pytest.approx(length / 2, abs=0.02)
    browser.wait("document.querySelector('.vidrec-now').style.left > '4'")
    browser.value("document.querySelector('[data-seek]').click()")
    assert browser.value(f"{VIDEO}.currentTime") == pytest.approx(
        browser.value(
            "Number(document.querySelector('[data-seek]').dataset.seek)"
        ),
        abs=0.02,
    )
    # Neither a desk nor a phone scrolls sideways.
    for width, height in ((1280, 900), (390, 844)):
        browser.resize(width, height)
        browser.wait(f"innerWidth === {width}")
        assert browser.value("document.documentElement.scrollWidth") <= width
        browser.screenshot(tmp_path / f"{width}.png")
        assert (tmp_path / f"{width}.png").stat().st_size > 20_000
    # Nothing was asked of anybody else, and nothing has failed.
    local = ("http://127.0.0.1:", "data:", "blob:")
    assert browser.asked and all(a.startswith(local) for a in browser.asked)
    assert not browser.errors


def test_an_example_is_answered(browser, runs, clips):
    browser.wait("document.querySelectorAll('#vidrec-examples img')[1]")
    browser.value(
        "document.querySelectorAll('#vidrec-examples img')[1]"
        ".closest('button').click()"
    )
    browser.wait(DONE)
    (expected,) = runs["rgb_run"].predict(clips[1])
    assert told(browser)[0][0][0] == expected.classes[0]
    assert clips[1].is_file()


def test_what_cannot_be_read_is_one_sentence(browser, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    long = write_mp4(tmp_path / "long.mp4", seconds=6.0)
    for path, why in ((text, "no frame of a video"), (long, "longer than")):
        browser.wait("document.querySelector('#vidrec-video input[type=file]')")
        put(browser, path)
        browser.wait(
            "document.querySelector('.vidrec-failed')?.innerText"
            f".includes({path.name!r})"
        )
        said = browser.text(".vidrec-failed")
        assert why in said and "/" not in said and "Traceback" not in said


def test_a_camera_is_recorded_and_answered(browser):
    """Chromium's own camera, which shows a picture that moves."""
    for button in (
        "[aria-label='Capture from camera']",
        "[title^=grant] button",
    ):
        button = f"document.querySelector({f'#vidrec-video {button}'!r})"
        browser.wait(button)
        browser.value(f"{button}.click()")
    record = "document.querySelector('#vidrec-video .capture-button')"
    browser.wait(f"{VIDEO}?.videoWidth && {record}")
    browser.value(f"{record}.click()")
    browser.wait(f"{record}.innerText.includes('Stop')")
    browser.value("new Promise(done => setTimeout(done, 3000))")
    browser.value(f"{record}.click()")
    browser.wait(DONE)
    assert [len(found) for found in told(browser)] == [3, 3]
    assert browser.value(STATUS).startswith("sample.webm: ")
