"""The fast lanes in C, which a wheel has that was built with ``LIVEREF_COMPILE=1``."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Final

__all__ = ["LANES"]


def _load() -> ModuleType | None:
    try:
        return import_module("liveref._clanes")
    except ImportError:
        return None


LANES: Final = _load()
"""The extension module of ``lanes/``; None in a wheel of pure Python."""
