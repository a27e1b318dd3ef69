"""msgspec: keys as fields of a Struct, in JSON, MessagePack and `msgspec.convert`."""

from __future__ import annotations

from typing import Final, get_origin

from liveref._key import KeyField, RegistryKey
from liveref._text.tag import readable
from liveref.exceptions import NotJSONableError

__all__ = ["dec_hook", "enc_hook"]

_ADVICE: Final = "Ask this hook from your own one, for what that does not know."
_AS_TEXT: Final = "JSON takes texts alone there: write str(key), and read it by RegistryKey.parse(text, hint)."


def enc_hook(found: object) -> dict[str, str]:
    """The typed marker of a key: pass it as ``enc_hook=`` to an encoder.

    Raises:
        NotImplementedError: it is no key, which msgspec expects to be told so.
        NotJSONableError: a key is the key of a dict, where JSON takes texts alone.

    Example:
        >>> import msgspec
        >>> key = RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110", int)
        >>> msgspec.json.encode([key], enc_hook=enc_hook)
        b'[{"__blazen_session_ref__":"0f0e1d2c-3b4a-4958-8776-655443322110","type":"builtins:int"}]'
    """
    if type(found) is RegistryKey:
        return found.to_marker(typed=True)
    if type(found) is dict:  # msgspec asks of a dict only where it was given that for the key of one
        raise NotJSONableError("a part of it", f"a dict key of type {readable(RegistryKey)}", _AS_TEXT)
    raise NotImplementedError(f"liveref's enc_hook writes keys alone, found {readable(type(found))}. {_ADVICE}")


def dec_hook(expected: object, found: object) -> RegistryKey[object]:
    """The key of a marker: pass it as ``dec_hook=`` to a decoder.

    Args:
        expected: the type of the field, such as ``RegistryKey[sqlite3.Connection]``.
        found: what the message holds there, or in `msgspec.convert` the key itself.

    Raises:
        MarkerError: it is no marker, or one of another type; msgspec makes it a ValidationError with its path.
        NotImplementedError: the field holds no key, which msgspec expects to be told so.
    """
    if (get_origin(expected) or expected) is not RegistryKey:
        raise NotImplementedError(f"liveref's dec_hook reads keys alone, not {readable(expected)}. {_ADVICE}")
    return KeyField.of(expected).read_marker(found)
