"""kombu, and so Celery: keys in messages that are serialized as JSON."""

from __future__ import annotations

from typing import Final

from liveref._key import RegistryKey
from liveref._payloads.swap import key_of_typed

try:
    from kombu.utils.json import register_type
except ImportError as _error:
    raise ImportError("kombu is missing: pip install 'liveref[kombu]'") from _error

__all__ = ["register"]

_NAME: Final = "liveref"


def register() -> None:
    """Teach kombu's JSON serializer about keys, in this process. Calling it twice does no harm.

    A key becomes its typed marker in kombu's envelope. It comes back with the class that the marker names,
    if that is loaded; else, and where the hint was more than a class, it opens only a ref of the same hint.

    Example:
        >>> from kombu.utils.json import dumps, loads
        >>> register()
        >>> loads(dumps({"key": RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", int)}))
        {'key': RegistryKey[int](0f0e1d…)}
    """
    register_type(RegistryKey, _NAME, _write, key_of_typed)


def _write(key: RegistryKey[object]) -> dict[str, str]:
    return key.to_marker(typed=True)
