"""Sturdy markers: markers that carry their own recipe, signed.

A token is canonical base64url, without padding, of a JSON list and an HMAC-SHA256 over a prefix of its own, the id of
the ref and that list; so a signature of a snapshot is none of a marker, and a token is of one ref alone. It is signed,
not secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from liveref import _recipe
from liveref._policy import RefLifetime
from liveref._registry.entry import Holder, tag_of_ref
from liveref._snapshot.digest import is_signature, new_mac
from liveref._snapshot.guarded import Guarded, owner_from, owner_row
from liveref._snapshot.keyring import SnapshotKeys
from liveref._text.json import JSON
from liveref._text.marker import RECIPE_FIELD, RECIPE_LIMIT, SESSION_REF_TAG, TYPE_FIELD, redact, text_of
from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError, MarkerAuthError, SnapshotFormatError

__all__ = ["Token", "recipe_field", "require_ring", "sturdy_marker_of", "token_in"]

_VERSION: Final = 1
_PREFIX: Final = b"liveref sturdy marker\0"
_MAC_SIZE: Final = 32
_GET: Final[Callable[[object, str], object]] = vars(dict)["get"]


class Token(NamedTuple):
    """What a token says of a ref.

    Attributes:
        recipe: opens its object.
        type_tag: what that is.
        lifetime: when the ref is purged.
        guard: its owner and its lease.
    """

    recipe: _recipe.AnyRecipe[Any]  # Any: what it opens is checked at each lookup
    type_tag: str
    lifetime: RefLifetime
    guard: Guarded


def require_ring(keys: object, option: str = "keys") -> SnapshotKeys:
    """The ring of keys that an option was given.

    Raises:
        InvalidArgumentError: it is none.
    """
    if not isinstance(keys, SnapshotKeys):
        raise InvalidArgumentError(option, "SnapshotKeys", readable(type(keys)))
    return keys


def sturdy_marker_of(holder: Holder[Any], keys: SnapshotKeys) -> dict[str, str]:
    """The marker of a ref with its recipe.

    Raises:
        InvalidArgumentError: it has none, or one that is too long.
    """
    entry = holder._entry
    recipe = entry.recipe
    if recipe is None:
        raise InvalidArgumentError("key", "that of a ref with a recipe (reopen=)", f"one without, {redact(holder._id)}")
    guard, type_tag = entry.guard, tag_of_ref(holder)
    owner, ttl, idle, left = (None,) * 4 if guard is None else (guard.owner, guard.ttl, guard.idle, guard.left())
    lease: list[JSON] = [ttl, left]
    said: list[JSON] = [_VERSION, keys.current, recipe.tag, recipe._args, recipe._kwargs, type_tag]
    said += (owner_row(owner), entry.lifetime.value, lease, idle)
    body = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
    mac = new_mac(keys._secrets[keys.current])
    mac.update(_PREFIX + holder._id + body)
    token = _text_of(body + mac.digest())
    if len(token) > RECIPE_LIMIT:
        raise InvalidArgumentError(
            "key", "that of a ref whose recipe fits into 8 KiB", f"{len(token)} bytes for {redact(holder._id)}"
        )
    return {SESSION_REF_TAG: text_of(holder._id), TYPE_FIELD: type_tag, RECIPE_FIELD: token}


def recipe_field(marker: object) -> str | None:
    """The token of a marker that is known to be one; None in one without."""
    found = _GET(marker, RECIPE_FIELD)
    return found if isinstance(found, str) else None


def token_in(text: str, uid: bytes, type_tag: str | None, keys: SnapshotKeys) -> Token:
    """What a token says, once its signature holds.

    Args:
        text: the token.
        uid: the id of its ref.
        type_tag: what stands beside it; None where nothing does.
        keys: the ring.

    Raises:
        MarkerAuthError: it is none, of another ref, of another type, or not signed by a key of the ring.
        UnknownTypeTagError: its recipe is not registered.
        RefLoadError: its recipe takes the arguments no more.
    """
    data = _bytes_of(text)
    body, signature = data[:-_MAC_SIZE], data[-_MAC_SIZE:]
    said = _list_of(body)
    secret = keys._secrets.get(said[1]) if len(said) > 1 and isinstance(said[1], str) else None
    if secret is None:
        raise _refused("a key that is not in the ring")
    mac = new_mac(secret)
    mac.update(_PREFIX + uid + body)
    if not is_signature(signature, mac):
        raise _refused("no valid signature")
    if said[0] != _VERSION:
        raise MarkerAuthError(
            "a token of a newer version", "one that this liveref reads", "Read it with a newer liveref."
        )
    return _token(said, type_tag)


def _text_of(data: bytes) -> str:
    from base64 import urlsafe_b64encode  # noqa: PLC0415  few send sturdy markers

    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes_of(text: str) -> bytes:
    from base64 import urlsafe_b64decode  # noqa: PLC0415  as above

    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        raise _refused("a token that is none") from None
    if len(data) <= _MAC_SIZE or _text_of(data) != text:
        raise _refused("a token that is none")
    return data


def _list_of(body: bytes) -> list[JSON]:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise _refused("a token that is none")
    return cast("list[JSON]", found)


def _token(said: list[JSON], beside: str | None) -> Token:
    """What signed JSON says: we have written it, or who has the secret."""
    try:
        _, _, tag, args, kwargs, type_tag, owner, lifetime, lease, idle = said
        ttl, left = cast("list[float | None]", lease)
        guard = Guarded(owner_from(owner), ttl, cast("float | None", idle), left)
        lasts = RefLifetime(cast("str", lifetime))
    except (TypeError, ValueError, SnapshotFormatError):
        raise _refused("a token of another form") from None
    if beside is not None and beside != type_tag:
        raise _refused("a type beside it that is another")
    call = cast("tuple[str, list[JSON], dict[str, JSON]]", (tag, args, kwargs))
    return Token(_recipe.recipe(*call), cast("str", type_tag), lasts, guard)


def _refused(found: str) -> MarkerAuthError:
    return MarkerAuthError(
        found, "a sturdy marker that this program signed", "Refuse it, or bring the ring that signed it."
    )
