import asyncio
import dataclasses
import logging
import types

import pytest

from keras_vidrec.serving.guard import Guard
from keras_vidrec.serving.service import Places
from tests.serving.served import LIMITS

SERVICE = types.SimpleNamespace(
    limits=dataclasses.replace(LIMITS, patience=0.05),
    videos=Places(1, "videos wait"),
    streams=Places(1, "videos are watched"),
    metrics=types.SimpleNamespace(answered=lambda *_: None),
)


async def endless(scope, receive, send):
    await receive()
    await send({"type": "http.response.start", "status": 200})
    while True:
        await send({"type": "http.response.body", "more_body": True})


def test_a_client_that_reads_nothing_is_left(caplog):
    """Its buffers are full: what is sent never returns."""
    sent = []

    async def send(message):
        sent.append(message["type"])
        if len(sent) == 4:
            await asyncio.Event().wait()

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http", "method": "POST", "path": "/windows", "headers": []
    }  # fmt: skip
    with caplog.at_level(logging.WARNING, "keras_vidrec"):
        asyncio.run(
            asyncio.wait_for(Guard(endless, SERVICE)(scope, receive, send), 60)
        )
    assert len(sent) == 4 and "/windows read nothing for 0.05 s" in caplog.text


def test_an_error_of_the_server_is_counted():
    counted = []
    metrics = types.SimpleNamespace(
        answered=lambda *found: counted.append(found)
    )
    service = types.SimpleNamespace(**{**vars(SERVICE), "metrics": metrics})

    async def broken(scope, receive, send):
        raise OSError("no room")

    scope = {
        "type": "http", "method": "POST", "path": "/predict", "headers": []
    }  # fmt: skip
    with pytest.raises(OSError, match="no room"):
        asyncio.run(Guard(broken, service)(scope, None, None))
    assert [found[:2] for found in counted] == [("/predict", 500)]
