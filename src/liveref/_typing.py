"""The typing vocabulary that the other modules share."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

from typing_extensions import Format, TypeForm

__all__ = ["MISSING", "UNRESOLVED", "Default", "Missing", "T", "T_co", "TypeForm", "V", "persisted"]

T = TypeVar("T")
V = TypeVar("V")
Default = TypeVar("Default")
T_co = TypeVar("T_co", covariant=True)


C = TypeVar("C", bound=Callable[..., object])


def persisted(found: C) -> C:
    """A class or function under the name that stands in files out there: `liveref._persisted` gathers them."""
    found.__module__ = "liveref._persisted"
    return found


class Missing(enum.Enum):
    """The type of "this argument was not given"; an enum, so that every checker narrows it by ``is``."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

UNRESOLVED: Final[dict[str, Any]] = {"annotation_format": Format.FORWARDREF} if sys.version_info >= (3, 14) else {}
"""Any: an argument that `inspect.signature` takes from Python 3.14 on, for annotations may name what is not there."""
