"""The fast lanes in C, which a wheel has where a compiler was found, and which build this is."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final, Literal

__all__ = ["LANES", "build"]


def _load() -> ModuleType | None:
    try:
        return import_module("liveref._clanes")
    except ImportError:
        return None


LANES: Final = _load()
"""The extension module of ``lanes/``; None in a wheel of pure Python."""


def build() -> Literal["compiled", "pure"]:
    """Which build this is: ``"compiled"`` with the fast lanes, else ``"pure"``."""
    return "pure" if LANES is None else "compiled"
