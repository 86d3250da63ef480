"""The errors that a server sends to clients."""


class Refused(Exception):
    """An error that is sent to the client.

    Args:
        status: int. HTTP status.
        text: str. The message, in terms of the client's request.
    """

    def __init__(self, status: int, text: str):
        super().__init__(status, text)
        self.status = status
        self.text = text

    def response(self):
        """Returns the response for the client."""
        again = {"Retry-After": "1"} if self.status == 429 else None
        return error_response(self.status, self.text, again)


def error_response(status: int, text: str, headers=None):
    """Returns a response with `{"error": text}` as JSON.

    Args:
        status: int. HTTP status.
        text: str. The message, one line.
        headers: `None`, or dict of str. Defaults to `None`.
    """
    from starlette.responses import JSONResponse

    return JSONResponse({"error": text}, status, headers)


def too_many(what: str) -> Refused:
    """Returns the error for a request if the server is busy.

    Args:
        what: str. What it is busy with.
    """
    return Refused(429, f"The server is busy: {what}. Try again in a moment.")
