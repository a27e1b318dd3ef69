"""Every name of liveref's own that stands in files out there: pickles of keys and recipes, snapshots, checkpoints.

They live in their rooms and say that they are of this one, which gathers them. A name that is here stays for ever,
with its arguments; what else a file may name is public, and named as `liveref`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from liveref._key import key, sealed_key
from liveref._recipe import recipe

if TYPE_CHECKING:
    from liveref._payloads.stand_in import ErrorStandIn, KeyStandIn, LiveStandIn

__all__ = ["ErrorStandIn", "KeyStandIn", "LiveStandIn", "key", "recipe", "sealed_key"]


def __getattr__(name: str) -> object:
    """A stand-in, whose rooms are loaded when the first is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from liveref._payloads import stand_in  # noqa: PLC0415  it takes a tenth of the import

    return getattr(stand_in, name)
