"""Refs beyond one process: the homes that hold them, and those who ask there."""
