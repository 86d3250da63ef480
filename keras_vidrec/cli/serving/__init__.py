"""The commands that serve networks: `serve` and `demo`."""
