"""Refs beyond one process: `LocalEngine`, and what the engines of `liveref.integrations` share."""

from __future__ import annotations

from liveref._engine.base import RefEngine
from liveref._engine.local import LocalEngine
from liveref._engine.refs import EngineRefs, SessionRefs, Whereabouts
from liveref._engine.remote import RemoteSession
from liveref._text.elsewhere import (
    EngineError,
    RefElsewhereError,
    RefLostError,
    RefUnavailableError,
    RemoteCallError,
    RemoteResultError,
)
from liveref._text.route import Route, route_of, routed_id

__all__ = [
    "EngineError",
    "EngineRefs",
    "LocalEngine",
    "RefElsewhereError",
    "RefEngine",
    "RefLostError",
    "RefUnavailableError",
    "RemoteCallError",
    "RemoteResultError",
    "RemoteSession",
    "Route",
    "SessionRefs",
    "Whereabouts",
    "route_of",
    "routed_id",
]

for _name in ("EngineRefs", "LocalEngine", "RefEngine", "RemoteSession", "Route", "SessionRefs", "Whereabouts"):
    globals()[_name].__module__ = __name__
