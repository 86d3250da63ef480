"""What a server says instead of an answer."""


class Refused(Exception):
    """A request that gets an error.

    Args:
        status: int. Of HTTP.
        text: str. What is wrong, in the words of who asked.
    """

    def __init__(self, status: int, text: str):
        super().__init__(status, text)
        self.status = status
        self.text = text

    def response(self):
        """What the client gets."""
        again = {"Retry-After": "1"} if self.status == 429 else None
        return error_response(self.status, self.text, again)


def error_response(status: int, text: str, headers=None):
    """An error in JSON: `error`, one line."""
    from starlette.responses import JSONResponse

    return JSONResponse({"error": text}, status, headers)


def too_many(what: str) -> Refused:
    """The answer to a request that there is no room for."""
    return Refused(429, f"The server is busy: {what}. Ask again in a moment.")
