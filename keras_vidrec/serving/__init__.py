"""A recognizer as an HTTP service, and a demo page."""
