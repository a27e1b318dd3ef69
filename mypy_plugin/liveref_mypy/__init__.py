"""The mypy plugin of liveref."""
