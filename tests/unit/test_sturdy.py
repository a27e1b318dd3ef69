"""Sturdy markers: a marker that carries its own recipe, signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

from liveref import (
    CapacityExceededError,
    InvalidArgumentError,
    MarkerAuthError,
    MarkerError,
    RefExpiredError,
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RegistryClosedError,
    RegistryKey,
    SessionRefRegistry,
    SnapshotKeys,
    UnknownTypeTagError,
    acting_as,
    reopener,
)
from liveref._registry import sturdy
from liveref._snapshot.digest import new_mac
from liveref.jsonable import decode, find_markers, reject_markers

RING = SnapshotKeys({"a": b"a" * 32, "b": b"b" * 32}, current="a")
OTHER = SnapshotKeys({"a": b"x" * 32}, current="a")
closed: list[str] = []


@reopener("tests.sturdy.text", finalizer=closed.append)
def text(name: str, times: int = 1) -> str:
    return name * times


@reopener("tests.sturdy.plain")
def plain(number: int) -> int:
    return number


@pytest.fixture(autouse=True)
def clean() -> None:
    closed.clear()


@pytest.fixture
def refs() -> Iterator[SessionRefRegistry]:
    registry = SessionRefRegistry()
    yield registry
    registry.close()


def forged(marker: dict[str, str], **changes: Any) -> dict[str, str]:
    """A marker whose token says something else, signed all the same."""
    names = ("version", "key", "tag", "args", "kwargs", "type", "owner", "lifetime", "lease", "idle")
    said = dict(zip(names, json.loads(body_of(marker)), strict=True)) | changes
    return signed(marker, json.dumps(list(said.values())).encode())


def body_of(marker: dict[str, str]) -> bytes:
    return base64.urlsafe_b64decode(marker["recipe"] + "==")[:-32]


def signed(marker: dict[str, str], body: bytes, ring: SnapshotKeys = RING) -> dict[str, str]:
    mac = new_mac(ring._secrets["a"])
    mac.update(sturdy._PREFIX + bytes.fromhex(marker["__blazen_session_ref__"].replace("-", "")) + body)
    token = base64.urlsafe_b64encode(body + mac.digest()).rstrip(b"=").decode()
    return {**marker, "recipe": token}


def test_another_process_opens_what_it_says(refs: SessionRefRegistry) -> None:
    key = refs.open(text.recipe("x", times=2))
    marker = json.loads(json.dumps(refs.sturdy_marker(key, keys=RING)))
    assert marker["type"] == "builtins:str"
    with_other = SessionRefRegistry()
    again = with_other.admit(marker, str, keys=RING)
    assert again == key
    assert len(with_other) == 1
    assert with_other.describe()[0].type_tag == "builtins:str"
    assert closed == []
    assert with_other[again] == "xx"
    with_other.close()
    assert closed == ["xx"]


def test_twice_is_once_and_what_is_here_stays(refs: SessionRefRegistry) -> None:
    key = refs.insert("live", reopen=text.recipe("x"))
    marker = refs.sturdy_marker(key, keys=RING)
    assert refs.admit(marker, keys=RING) == refs.admit(marker, keys=RING) == key
    assert refs[key] == "live"
    assert len(refs) == 1


@pytest.mark.parametrize("capacity", [1, 2])
@pytest.mark.parametrize("owner", [None, "ann"])
def test_of_two_that_admit_one_at_once_the_first_stays(
    refs: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch, owner: str | None, capacity: int
) -> None:
    second, keep = SessionRefRegistry(capacity=capacity), SessionRefRegistry._keep

    def beaten(self: SessionRefRegistry, holder: Any, operation: str) -> Any:
        monkeypatch.undo()
        assert self[self.admit(marker, str, keys=RING)] == "x"
        return keep(self, holder, operation)

    with acting_as(owner):
        marker = refs.sturdy_marker(refs.open(text.recipe("x")), keys=RING)
        monkeypatch.setattr(SessionRefRegistry, "_keep", beaten)
        assert second[second.admit(marker, str, keys=RING)] == "x"
    second.close()
    assert closed == ["x"]


def test_a_recipe_without_a_finalizer_will_do(refs: SessionRefRegistry) -> None:
    marker = refs.sturdy_marker(refs.open(plain.recipe(5)), keys=RING)
    second = SessionRefRegistry()
    assert second[second.admit(marker, int, keys=RING)] == 5
    second.close()


def test_an_older_key_of_the_ring_still_holds(refs: SessionRefRegistry) -> None:
    key = refs.open(text.recipe("x"))
    marker = refs.sturdy_marker(key, keys=SnapshotKeys({"b": b"b" * 32}, current="b"))
    assert SessionRefRegistry().admit(marker, keys=RING) == key


def test_an_unopened_one_can_be_marked_too(refs: SessionRefRegistry) -> None:
    marker = refs.sturdy_marker(refs.open(text.recipe("x")), keys=RING)
    second = SessionRefRegistry()
    key = second.admit(marker, keys=RING)
    assert json.loads(body_of(second.sturdy_marker(key, keys=RING))) == json.loads(body_of(marker))
    second.close()
    assert closed == []


def test_what_was_released_stays_so(refs: SessionRefRegistry) -> None:
    key = refs.open(text.recipe("x"))
    marker = refs.sturdy_marker(key, keys=RING)
    refs.release(key)
    assert refs.admit(marker, keys=RING) == key
    with pytest.raises(RefReleasedError):
        refs[key]
    assert refs.is_empty()


def test_a_lease_goes_on_and_the_lifetime_is_kept(refs: SessionRefRegistry) -> None:
    clock = [0.0]
    leased = SessionRefRegistry(clock=lambda: clock[0])
    recipe = text.recipe("x")
    key = leased.insert("x", reopen=recipe, ttl=10, idle=8, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
    clock[0] = 4.0
    marker = leased.sturdy_marker(key, keys=RING)
    later = [100.0]
    second = SessionRefRegistry(clock=lambda: later[0])
    again = second.admit(marker, str, keys=RING)
    assert second.lifetime_of(again) is RefLifetime.UNTIL_EXPLICIT_DROP
    later[0] += 5.9
    assert second[again] == "x"
    later[0] += 0.1
    with pytest.raises(RefExpiredError, match="ttl"):
        second[again]
    second.close()
    leased.close()


def test_owners_are_kept_and_strangers_refused(refs: SessionRefRegistry) -> None:
    with acting_as(("iss", "ann")):
        key = refs.open(text.recipe("x"))
        marker = refs.sturdy_marker(key, keys=RING)
        second = SessionRefRegistry(owned=True)
        assert second.admit(marker, str, keys=RING) == key
        assert second[key] == "x"
    for who in ("bob", None):
        with acting_as(who):
            for registry in (refs, second, SessionRefRegistry()):
                with pytest.raises(MarkerAuthError, match="another owner's marker"):
                    registry.admit(marker, keys=RING)
            with pytest.raises(RefNotFoundError):
                refs.sturdy_marker(key, keys=RING)
    plain = refs.sturdy_marker(refs.open(text.recipe("y")), keys=RING)
    with pytest.raises(InvalidArgumentError, match="owned=True"):
        second.admit(plain, keys=RING)
    second.close()


def test_it_takes_room_and_its_owners_share(refs: SessionRefRegistry) -> None:
    markers = [refs.sturdy_marker(refs.open(text.recipe("x")), keys=RING) for _ in range(2)]
    small = SessionRefRegistry(capacity=1)
    small.admit(markers[0], keys=RING)
    with pytest.raises(CapacityExceededError):
        small.admit(markers[1], keys=RING)
    small.close()
    with pytest.raises(RegistryClosedError):
        small.admit(markers[1], keys=RING)
    with acting_as("ann"):
        owned = [refs.sturdy_marker(refs.open(text.recipe("x")), keys=RING) for _ in range(2)]
        shared = SessionRefRegistry(per_owner=1)
        shared.admit(owned[0], keys=RING)
        with pytest.raises(CapacityExceededError):
            shared.admit(owned[1], keys=RING)


def test_what_can_not_be_marked_is_refused(refs: SessionRefRegistry) -> None:
    plain, long = refs.insert([1]), refs.insert("x", reopen=text.recipe("x" * 9000))
    with pytest.raises(InvalidArgumentError, match="with a recipe"):
        refs.sturdy_marker(plain, keys=RING)
    with pytest.raises(InvalidArgumentError, match="8 KiB"):
        refs.sturdy_marker(long, keys=RING)
    with pytest.raises(InvalidArgumentError, match="keys"):
        refs.sturdy_marker(plain, keys=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidArgumentError, match="keys"):
        refs.admit({}, keys=b"k")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    with pytest.raises(RefNotFoundError):
        refs.sturdy_marker(RegistryKey.new(), keys=RING)


def test_a_marker_without_a_recipe_is_read_as_ever(refs: SessionRefRegistry) -> None:
    key = refs.insert([1])
    assert refs.admit(key.to_marker(typed=True), list, keys=RING) == key
    with pytest.raises(MarkerError):
        refs.admit({"x": 1}, keys=RING)
    with pytest.raises(MarkerError, match="8 KiB"):
        refs.admit({**key.to_marker(), "recipe": "x" * 9000}, keys=RING)


def test_other_readers_ignore_the_recipe(refs: SessionRefRegistry) -> None:
    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        key: RegistryKey[str]

    key = refs.open(text.recipe("x"))
    marker = refs.sturdy_marker(key, keys=RING)
    assert RegistryKey.from_marker(marker, str) == Model(key=marker).key == key  # type: ignore[arg-type]
    assert [found for _, found in find_markers([marker])] == [key]
    assert decode([marker], registry=refs) == ["x"]
    with pytest.raises(MarkerError):
        reject_markers([marker])


WRONG: dict[str, Any] = {
    "another ring's": lambda marker: signed(marker, body_of(marker), OTHER),
    "cut": lambda marker: {**marker, "recipe": marker["recipe"][:-5]},
    "empty": lambda marker: {**marker, "recipe": ""},
    "no base64": lambda marker: {**marker, "recipe": "!" * 80},
    "no ASCII": lambda marker: {**marker, "recipe": "ä" * 80},
    "padded": lambda marker: {**marker, "recipe": marker["recipe"] + "="},
    "no JSON": lambda marker: signed(marker, b"x" * 40),
    "no list": lambda marker: signed(marker, b'{"a": 1}'),
    "deep": lambda marker: signed(marker, b"[" * 3000),
    "short": lambda marker: signed(marker, b"[1]"),
    "no key name": lambda marker: forged(marker, key=7),
    "unknown key name": lambda marker: forged(marker, key="z"),
    "a newer version": lambda marker: forged(marker, version=2),
    "another type beside it": lambda marker: {**marker, "type": "builtins:int"},
    "an empty owner": lambda marker: forged(marker, owner=""),
    "no lifetime": lambda marker: forged(marker, lifetime="for_ever"),
    "no lease": lambda marker: forged(marker, lease=5),
    "too few fields": lambda marker: signed(marker, b'[1,"a","tag"]'),
    "another ref's": lambda marker: {**marker, "__blazen_session_ref__": str(RegistryKey.new())},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_is_not_ours_registers_nothing(refs: SessionRefRegistry, name: str) -> None:
    marker = refs.sturdy_marker(refs.open(text.recipe("x")), keys=RING)
    second = SessionRefRegistry()
    with pytest.raises(MarkerAuthError):
        second.admit(WRONG[name](marker), keys=RING)
    assert second.is_empty()
    with pytest.raises(MarkerAuthError):
        second.admit(marker, keys=OTHER)


def test_a_recipe_that_is_not_registered_is_told(refs: SessionRefRegistry) -> None:
    marker = refs.sturdy_marker(refs.open(text.recipe("x")), keys=RING)
    second = SessionRefRegistry()
    with pytest.raises(UnknownTypeTagError, match=r"tests\.sturdy\.gone"):
        second.admit(forged(marker, tag="tests.sturdy.gone"), keys=RING)
    assert second.is_empty()


def forgeries(marker: dict[str, str], others: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Over a thousand tokens that nobody with the ring has signed for this ref."""
    good = base64.urlsafe_b64decode(marker["recipe"] + "==")
    for at in range(len(good)):
        for bit in range(8):
            bad = good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
            yield {**marker, "recipe": base64.urlsafe_b64encode(bad).rstrip(b"=").decode()}
    for at in range(len(marker["recipe"])):
        yield {**marker, "recipe": marker["recipe"][:at]}
        yield {**marker, "recipe": marker["recipe"][at + 1 :]}
        yield {**marker, "recipe": marker["recipe"][:at] + "*" + marker["recipe"][at:]}
    yield {**marker, "recipe": others["recipe"]}
    yield {**others, "recipe": marker["recipe"]}
    mac, body = good[-32:], good[:-32]
    for said in (
        body.replace(b'"a"', b'"b"', 1),  # another key of the ring
        body.replace(b"[1,", b"[2,", 1),
        body.replace(b"[1,", b"[true,", 1),
        body.replace(b"{", b'{"times":9,', 1),  # its name twice
        body.replace(b"tests.sturdy.text", b"tests.sturdy.plain"),
        body + b" ",
        b"\xef\xbb\xbf" + body,
        body.decode().encode("utf-16"),
    ):
        assert said != body
        yield {**marker, "recipe": base64.urlsafe_b64encode(said + mac).rstrip(b"=").decode()}


def test_each_forged_token_is_refused_and_nothing_is_registered(refs: SessionRefRegistry) -> None:
    marker, others = (refs.sturdy_marker(refs.open(text.recipe("x", times=2)), keys=RING) for _ in range(2))
    second, tried = SessionRefRegistry(), 0
    for forgery in forgeries(marker, others):
        with pytest.raises(MarkerAuthError):
            second.admit(forgery, keys=RING)
        tried += 1
    assert tried > 1000
    assert second.is_empty()
    for keys in (OTHER, SnapshotKeys({"c": b"a" * 32}, current="c")):
        with pytest.raises(MarkerAuthError):
            second.admit(marker, keys=keys)
    assert second.admit(marker, str, keys=RING) in second
    second.close()


@pytest.mark.parametrize("size", [8193, 1 << 20])
def test_a_token_that_is_too_long_is_no_marker_to_any_reader(refs: SessionRefRegistry, size: int) -> None:
    marker = {**refs.insert("x").to_marker(), "recipe": "x" * size}
    for read in (
        lambda: refs.admit(marker, keys=RING),
        lambda: RegistryKey.from_marker(marker, str),
        lambda: decode([marker], registry=refs),
    ):
        with pytest.raises(MarkerError, match="8 KiB") as caught:
            read()
        assert len(str(caught.value)) < 500
    assert len(refs) == 1


@pytest.mark.parametrize("recipe", [None, 5, ["x"], {}, True])
def test_a_recipe_that_is_no_text_is_no_marker_or_none(refs: SessionRefRegistry, recipe: object) -> None:
    second, marker = SessionRefRegistry(), {**refs.insert("x").to_marker(), "recipe": recipe}
    with pytest.raises(MarkerError):
        second.admit(marker, keys=RING)
    assert second.is_empty()
