"""Snapshots of every release load for ever, and the layout keeps to what they show."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveref import (
    RefDroppedError,
    RefDroppedWarning,
    RefLifetime,
    RefLoadError,
    RegistryKey,
    ReopenError,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotVersionError,
)

from . import make

FOREIGN = make.FOLDER / "foreign"
"""Snapshots of a development version: they load, or are refused in words."""
VERSIONS = [path.name for path in sorted(make.FOLDER.iterdir()) if (path / "keys.json").exists() and path != FOREIGN]


@dataclasses.dataclass(frozen=True)
class Golden:
    """A golden snapshot that was resumed."""

    session: Session
    keys: dict[str, RegistryKey[object]]

    def __getitem__(self, label: str) -> object:
        return self.session.refs[self.keys[label]]


def read(version: str, name: str) -> SessionSnapshot:
    path = make.FOLDER / version / f"{name}.snapshot"
    return SessionSnapshot.read(path, keys=make.KEYS, trusted=name == "unsigned")


def resume(version: str, name: str, carry: SessionRefRegistry | None = None) -> Golden:
    texts = json.loads((make.FOLDER / version / "keys.json").read_text())[name]
    keys = {label: RegistryKey.parse(text) for label, text in texts.items()}
    return Golden(Session.resume(read(version, name), carry=carry), keys)


def pickles(version: str) -> None:
    golden = resume(version, "pickles")
    holder = golden["holder"]
    assert isinstance(holder, list)
    assert golden["first"] is golden["second"]
    assert golden["first"] == {"number": Fraction(1, 3), "price": Decimal("9.90"), "shared": ["shared"]}
    assert golden["first"]["shared"] is holder[0] is holder[1] is golden["shared"]  # type: ignore[index]
    assert golden.session.refs.lifetime_of(golden.keys["holder"]) is RefLifetime.UNTIL_PARENT_FINISH
    assert golden["enums"] == [RefLifetime.UNTIL_SNAPSHOT, SessionPausePolicy.WARN_DROP]
    assert golden["none"] is None
    keys = golden["keys"]
    assert isinstance(keys, dict)
    assert [key.hint for key in keys.values()][:2] == [object, dict[str, int] | None]
    assert set(keys.values()) == {make.EARLIER}
    golden.session.close()


def keys_of_local_classes(version: str) -> None:
    """Their hint could not be pickled: what is left of it is its type tag."""
    golden = resume(version, "pickles")
    keys = golden["keys"]
    assert isinstance(keys, dict)
    assert keys["local"].to_marker(typed=True)["type"].endswith(":Local")
    golden.session.close()


def serializers(version: str) -> None:
    golden = resume(version, "serializers")
    warm, color = golden["warm"], golden["color"]
    assert isinstance(warm, make.Celsius)
    assert isinstance(color, make.Color)
    assert golden["again"] is warm is golden["held"]["warm"]  # type: ignore[index]
    assert (warm.degrees, golden["cold"].degrees, color.name) == (21.5, -4.0, "red")  # type: ignore[attr-defined]
    golden.session.close()
    assert make.closed.pop() is color


def recipes(version: str) -> None:
    golden = resume(version, "recipes")
    assert golden["held"][1] is golden["even"] is golden["clone"]  # type: ignore[index]
    assert (golden["even"], golden["few"]) == (range(0, 10, 2), range(3))
    assert golden["store"] == {"deep": [1, 2.5, None, True, "é"]}
    golden.session.close()
    assert make.closed == [range(3), range(0, 10, 2)]
    make.closed.clear()


def expected(version: str) -> None:
    golden = resume(version, "expected")
    assert (golden["recipe"], golden["run"]) == (range(1, 2), "of the run")
    with pytest.raises(RefDroppedError, match=r"\(builtins:dict\).*pass carry="):
        golden["bare"]
    golden.session.refs.close()
    make.closed.clear()


def dropped(version: str) -> None:
    golden = resume(version, "dropped")
    assert golden["kept"] == "kept"
    with pytest.raises(RefDroppedError, match=r"\(_thread:lock\) was dropped .* under pickle_or_drop: a _thread.lock"):
        golden["lock"]
    with pytest.raises(RefDroppedError, match="its state holds the dropped ref"):
        golden["holder"]
    assert len(golden.session.snapshot().dropped) == 2
    golden.session.close()


def buffers(version: str) -> None:
    golden = resume(version, "buffers")
    array, state = golden["array"], golden["bytes"]
    assert isinstance(array, np.ndarray)
    assert isinstance(state, dict)
    assert array.tolist() == golden["column"].tolist() == [[0, 1, 2], [3, 4, 5]]  # type: ignore[attr-defined]
    assert state["array"] is array
    assert bytes(state["raw"]) == b"out of band"
    assert golden["empty"].shape == (0, 3)  # type: ignore[attr-defined]
    array[0, 0] = 7
    assert resume(version, "buffers")["array"][0, 0] == 0  # type: ignore[index]
    golden.session.close()


def empty(version: str) -> None:
    snapshot = read(version, "empty")
    assert (snapshot.refs, snapshot.dropped, snapshot.expected) == ([], [], [])
    assert Session.resume(snapshot).refs.is_empty()


def unsigned(version: str) -> None:
    assert resume(version, "unsigned")["number"] == 42
    assert not read(version, "unsigned").verified


CHECKS = [pickles, keys_of_local_classes, serializers, recipes, expected, dropped, buffers, empty, unsigned]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_golden_snapshot_gives_what_was_put_in(check: Callable[[str], None], version: str) -> None:
    check(version)


@pytest.mark.parametrize("path", sorted(FOREIGN.glob("*.snapshot")), ids=lambda path: path.stem)
def test_a_foreign_snapshot_loads_or_is_refused_in_words(path: Path) -> None:
    snapshot = SessionSnapshot.read(path, keys=make.KEYS, trusted=True)
    try:
        session = Session.resume(snapshot)
    except RefLoadError as error:
        assert path.stem in {"pickles"}
        assert "liveref._key._restore, which is gone" in str(error)
        with pytest.warns(RefDroppedWarning, match="which is gone"):
            session = Session.resume(snapshot, broken="drop")
    assert len(session.refs) <= len(snapshot.refs) + len(snapshot.expected)
    with suppress(ReopenError):
        session.close()


def test_there_are_golden_snapshots_of_the_first_release() -> None:
    assert "0.1.0" in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_golden_snapshot_that_is_written_anew_is_of_the_same_contents(version: str) -> None:
    for name in make.BUILDERS:
        old = read(version, name)
        again = SessionSnapshot.from_bytes(old.to_bytes(keys=make.KEYS), keys=make.KEYS)
        assert dataclasses.replace(again._contents, stream=b"", data=b"") == dataclasses.replace(
            old._contents, stream=b"", data=b""
        )


def futures(name: str) -> list[bytes]:
    """What a later writer wrote, and would write today."""
    found = [make.FOLDER / version / f"{name}.snapshot" for version in VERSIONS]
    return [path.read_bytes() for path in found if path.exists()] + [make.future(used=make.FUTURES[name])]


def test_a_snapshot_of_the_future_loads_where_it_uses_nothing_unknown() -> None:
    for data in futures("future_unused"):
        with Session.resume(SessionSnapshot.from_bytes(data, keys=make.KEYS)) as session:
            assert [session.refs.get_any(key) for key in session.refs] == [42]


def test_a_snapshot_of_the_future_that_uses_what_is_unknown_asks_for_a_newer_liveref() -> None:
    for data in futures("future_used"):
        with pytest.raises(SnapshotVersionError, match="uses the kind 'teleport'.*Read it with a newer liveref"):
            SessionSnapshot.from_bytes(data, keys=make.KEYS)


@pytest.mark.parametrize("name", list(make.BUILDERS))
def test_this_version_still_writes_what_the_golden_snapshots_say(name: str) -> None:
    fresh, golden = make.snapshot(name)[0], read("0.1.0", name)
    make.closed.clear()
    sizes = {} if golden.writer else {"size": 0}  # which no writer noted before the first release
    assert [dataclasses.replace(ref, key="", **sizes) for ref in fresh.refs] == [
        dataclasses.replace(ref, key="", **sizes) for ref in golden.refs
    ]
    assert [ref.type_tag for ref in fresh.expected] == [ref.type_tag for ref in golden.expected]
    assert [ref.type_tag for ref in fresh.dropped] == [ref.type_tag for ref in golden.dropped]


PROMISED = {
    "liveref RefLifetime",
    "liveref SessionPausePolicy",
    "liveref._persisted key",
    "liveref._persisted sealed_key",
}


def test_pickles_name_in_liveref_only_what_is_promised_to_stay() -> None:
    named: set[str] = set()

    class Noting(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            named.add(f"{module} {name}")
            return super().find_class(module, name)

    noting = Noting(io.BytesIO(bytes(make.snapshot("pickles")[0]._contents.stream)))
    with suppress(EOFError):
        while True:
            noting.load()
    assert {name for name in named if name.startswith("liveref")} == PROMISED


@dataclasses.dataclass
class Small:
    number: int


def header_of(refs: int) -> tuple[int, bytes]:
    session = Session()
    for number in range(refs):
        session.refs.insert(Small(number))
    data = session.snapshot().to_bytes()
    return int.from_bytes(data[16:24], "little"), data


def test_the_header_of_10_000_refs_is_that_of_one() -> None:
    (few, _), (many, data) = header_of(1), header_of(10_000)
    assert few == many < 400
    assert data.count(b"Small") == 2  # the type tag, and the class in the first pickle
