"""msgspec: Structs with keys, through JSON, MessagePack and convert."""

from __future__ import annotations

import datetime
import sqlite3
from typing import Any, Generic, TypeVar

import pytest

from liveref import NotJSONableError, RegistryKey, SessionRefRegistry

msgspec = pytest.importorskip("msgspec", reason="needs liveref[msgspec]")

from liveref.integrations.msgspec import dec_hook, enc_hook  # noqa: E402

T = TypeVar("T")


class Job(msgspec.Struct):
    conn: RegistryKey[sqlite3.Connection]
    rows: list[RegistryKey[bytes]] = []
    maybe: RegistryKey[str] | None = None


class Holder(msgspec.Struct, Generic[T]):
    ref: RegistryKey[T]


class Loose(msgspec.Struct):
    ref: RegistryKey


FORMATS = {"json": msgspec.json, "msgpack": msgspec.msgpack}


@pytest.fixture(params=FORMATS)
def wire(request: pytest.FixtureRequest) -> Any:
    return FORMATS[request.param]


def job() -> Job:
    return Job(RegistryKey.new(sqlite3.Connection), [RegistryKey.new(bytes)], RegistryKey.new(str))


def test_a_struct_with_keys_comes_back_with_their_hints(wire: Any) -> None:
    sent = job()
    found = wire.decode(wire.encode(sent, enc_hook=enc_hook), type=Job, dec_hook=dec_hook)
    assert found == sent
    assert [found.conn.hint, found.rows[0].hint, found.maybe.hint] == [sqlite3.Connection, bytes, str]


def test_the_key_that_comes_back_opens_the_ref(wire: Any) -> None:
    registry = SessionRefRegistry()
    rows = [1, 2]
    sent = Holder(registry.insert(rows, list[int]))
    found = wire.decode(wire.encode(sent, enc_hook=enc_hook), type=Holder[list[int]], dec_hook=dec_hook)
    assert registry.get(found.ref) is rows


def test_the_wire_holds_the_typed_marker() -> None:
    sent = job()
    assert msgspec.json.decode(msgspec.json.encode(sent, enc_hook=enc_hook))["conn"] == sent.conn.to_marker(typed=True)
    assert msgspec.to_builtins(sent.conn, enc_hook=enc_hook) == sent.conn.to_marker(typed=True)


@pytest.mark.parametrize(
    "found", [RegistryKey.new(int).to_marker(typed=True), 5, {}], ids=["type", "no dict", "no tag"]
)
def test_a_wrong_marker_is_a_validation_error_with_its_path(wire: Any, found: object) -> None:
    message = wire.encode({"conn": job().conn.to_marker(), "rows": [job().rows[0].to_marker(), found]})
    with pytest.raises(msgspec.ValidationError, match=r"not a session reference: .* - at `\$\.rows\[1\]`"):
        wire.decode(message, type=Job, dec_hook=dec_hook)


def test_no_error_shows_a_whole_key() -> None:
    key = RegistryKey.new(int)
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"conn": key.to_marker(typed=True)}, Job, dec_hook=dec_hook)
    assert str(key) not in str(caught.value)


def test_convert_takes_the_keys_themselves_and_checks_them() -> None:
    key = RegistryKey.new(sqlite3.Connection)
    assert msgspec.convert({"conn": key}, Job, dec_hook=dec_hook).conn is key
    with pytest.raises(msgspec.ValidationError, match=r"found a key of 'builtins:int'.* - at `\$\.conn`"):
        msgspec.convert({"conn": RegistryKey.new(int)}, Job, dec_hook=dec_hook)


def test_a_generic_struct_and_a_bare_key_take_any_type() -> None:
    message = msgspec.json.encode({"ref": job().conn}, enc_hook=enc_hook)
    for model in (Holder, Loose):
        assert msgspec.json.decode(message, type=model, dec_hook=dec_hook).ref.hint is object
    with pytest.raises(msgspec.ValidationError, match="expected a marker of 'builtins:int'"):
        msgspec.json.decode(message, type=Holder[int], dec_hook=dec_hook)


def test_what_is_no_key_is_told_as_msgspec_wants() -> None:
    with pytest.raises(NotImplementedError, match=r"writes keys alone, found .*Decoy"):
        msgspec.json.encode([Decoy()], enc_hook=enc_hook)
    with pytest.raises(NotImplementedError, match="reads keys alone, not complex"):
        msgspec.json.decode(b"[1]", type=list[complex], dec_hook=dec_hook)


class Keyed(msgspec.Struct):
    by_key: dict[RegistryKey[int], str]


def test_a_dict_that_is_keyed_by_keys_is_told_in_json_and_comes_back_in_messagepack() -> None:
    keyed = Keyed({RegistryKey.new(int): "x"})
    for payload in (keyed, keyed.by_key, [{"a": keyed.by_key}]):
        with pytest.raises(NotJSONableError, match="found a dict key of type .*RegistryKey.*write str"):
            msgspec.json.encode(payload, enc_hook=enc_hook)
    message = msgspec.msgpack.encode(keyed, enc_hook=enc_hook)
    assert msgspec.msgpack.decode(message, type=Keyed, dec_hook=dec_hook) == keyed
    text = msgspec.json.encode({"by_key": {str(key): "x" for key in keyed.by_key}})
    with pytest.raises(msgspec.ValidationError, match=r"A text is read by RegistryKey\.parse"):
        msgspec.json.decode(text, type=Keyed, dec_hook=dec_hook)


def test_a_marker_with_a_recipe_is_read_as_one_without(wire: Any) -> None:
    sent = job()
    sturdy = {**sent.conn.to_marker(), "recipe": "abc"}
    message = wire.encode({"conn": sturdy, "rows": [{**sent.rows[0].to_marker(typed=True), "recipe": "x" * 8192}]})
    assert wire.decode(message, type=Job, dec_hook=dec_hook).conn == sent.conn
    for wrong in ("x" * 8193, 5):
        message = wire.encode({"conn": {**sturdy, "recipe": wrong}, "rows": []})
        with pytest.raises(msgspec.ValidationError):
            wire.decode(message, type=Job, dec_hook=dec_hook)


def test_the_hooks_can_be_asked_from_others() -> None:
    def own_enc_hook(found: object) -> object:
        return [found.real, found.imag] if isinstance(found, complex) else enc_hook(found)

    def own_dec_hook(expected: type, found: Any) -> object:
        return complex(*found) if expected is complex else dec_hook(expected, found)

    sent = (RegistryKey.new(int), 1 + 2j, datetime.date(2026, 1, 2))
    message = msgspec.json.encode(sent, enc_hook=own_enc_hook)
    wanted = tuple[RegistryKey[int], complex, datetime.date]
    assert msgspec.json.decode(message, type=wanted, dec_hook=own_dec_hook) == sent


def test_without_the_hook_a_key_is_refused_and_not_written_as_something_else() -> None:
    with pytest.raises(TypeError, match="Encoding objects of type RegistryKey is unsupported"):
        msgspec.json.encode(job())


class Decoy:
    """What no hook knows."""
