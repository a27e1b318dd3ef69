"""The typing vocabulary that the other modules share."""

from __future__ import annotations

import enum
from typing import Final, TypeVar

from typing_extensions import TypeForm

__all__ = ["MISSING", "Default", "Missing", "T", "T_co", "TypeForm", "V"]

T = TypeVar("T")
V = TypeVar("V")
Default = TypeVar("Default")
T_co = TypeVar("T_co", covariant=True)


class Missing(enum.Enum):
    """The type of "this argument was not given"; an enum, so that every checker narrows it by ``is``."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
