"""Every name of liveref's own that stands in files out there: pickles of keys and recipes, snapshots, checkpoints.

They live in their rooms and say that they are of this one, which gathers them. A name that is here stays for ever,
with its arguments; what else a file may name is public, and named as `liveref`.
"""

from __future__ import annotations

from liveref._key import key, sealed_key
from liveref._payloads.stand_in import ErrorStandIn, KeyStandIn, LiveStandIn
from liveref._recipe import recipe

__all__ = ["ErrorStandIn", "KeyStandIn", "LiveStandIn", "key", "recipe", "sealed_key"]
