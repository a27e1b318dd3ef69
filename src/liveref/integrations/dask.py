"""Dask: keys between client, scheduler and workers where pickle is off, and equal tokens for equal keys."""

from __future__ import annotations

from liveref._key import RegistryKey
from liveref._payloads.swap import key_of_typed

try:
    from dask.base import normalize_token
    from distributed.protocol.serialize import (
        dask_deserialize,  # pyright: ignore[reportUnknownVariableType]  Dask does not annotate it
        dask_serialize,  # pyright: ignore[reportUnknownVariableType]
    )
except ImportError as _error:
    raise ImportError("dask is missing: pip install 'liveref[dask]'") from _error

__all__ = ["register"]


def register() -> None:
    """Teach Dask about keys, in this process. Calling it twice does no harm.

    A key then travels as its typed marker instead of a pickle, so every worker must be taught as well:
    ``client.run(register)``. It comes back with the class that the marker names, if that is loaded; else,
    and where the hint was more than a class, it opens only a ref of the same hint.
    """
    dask_serialize.register(RegistryKey, _dump)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]
    dask_deserialize.register(RegistryKey, _load)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]
    normalize_token.register(RegistryKey, _token)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]


def _dump(key: RegistryKey[object]) -> tuple[dict[str, str], list[bytes]]:
    return key.to_marker(typed=True), []


def _load(header: dict[str, str], _frames: list[bytes]) -> RegistryKey[object]:
    return key_of_typed(header)


def _token(key: RegistryKey[object]) -> tuple[str, str]:
    """Equal keys have equal tokens, whatever their hints, so tasks with them are recognised."""
    return "liveref", str(key)
