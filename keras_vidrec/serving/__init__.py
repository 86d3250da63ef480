"""A recognizer that others ask over HTTP, and a page to show it."""
