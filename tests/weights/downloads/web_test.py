import pytest

from keras_vidrec.weights.downloads import web


def test_nothing_leads_from_https_to_plain_http(publisher):
    publisher.answers["/moved"] = (302, {"Location": "/a.pth"}, b"")
    address = f"{publisher.url}/moved"
    with web.ask(address, {}, plain_http=True) as response:
        assert response.status == 200
    text = f"redirects to {publisher.url}/a.pth, which is not https"
    with pytest.raises(web.NoFile, match=text):
        web.ask(address, {}, plain_http=False)
    assert publisher.paths() == ["/moved", "/a.pth", "/moved"]


def test_what_strangers_say_is_one_short_line(publisher):
    title = b"<html><title>\x1b[31mred\n" + b"x" * 150
    publisher.answers["/page"] = (200, {}, title)
    with web.ask(f"{publisher.url}/page", {}, True) as response:
        with pytest.raises(web.NoFile) as raised:
            web.check_is_file("a.pth", response.headers, response.read())
    text = str(raised.value)
    assert text.isprintable() and "'?[31mred xxx" in text and len(text) < 200
