"""Hints, keys and JSON as text: what stands in payloads, logs and files."""
