"""What the engines are made of, where no case of all of them comes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio

import liveref
from liveref import InvalidArgumentError, Pinned, RefNotFoundError, RegistryKey, Session, pin
from liveref._engine.calls import Calls, Gone, Silent
from liveref._engine.home import HOMES, Home, draw
from liveref._engine.room import Options, Terms
from liveref._engine.wire import Answer, Request, pack, unpack
from liveref._registry.pin import Here
from liveref._typing import MISSING
from liveref.engine import (
    EngineError,
    LocalEngine,
    RefElsewhereError,
    RefLostError,
    RefUnavailableError,
    RemoteCallError,
    RemoteResultError,
    Route,
    route_of,
    routed_id,
)
from tests.waiting import wait_for

ERRORS = [
    RefElsewhereError("0f…", "a:B", "there", "Do this."),
    RefLostError("0f…", "a:B", "there", "it died"),
    RefUnavailableError("0f…", "a:B", "there", "no answer", 1.5),
    RemoteCallError("0f…", "there", "a.B"),
    RemoteResultError("0f…", "there", "a.B"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_pickles_whole_and_says_where_it_comes_from(error: EngineError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args) == (type(error), error.args)
    assert "there" in str(error)
    assert isinstance(error, liveref.EngineError)
    assert isinstance(error, LookupError) == isinstance(error, RefElsewhereError | RefLostError)


# Routes


def test_an_id_says_where_it_is_and_is_a_uuid_of_version_8() -> None:
    route = Route(0xABCDEF, 0x123456)
    uid = routed_id(route)
    found = uuid.UUID(bytes=uid)
    assert (found.version, found.variant) == (8, uuid.RFC_4122)
    assert str(found).endswith("-abcdef123456")
    assert route_of(uid) == route
    assert route_of(uuid.uuid4().bytes) is None
    assert route_of(uid[:8] + b"\0" + uid[9:]) is None
    assert len({routed_id(route) for _ in range(100)}) == 100


def test_a_taken_number_is_drawn_anew() -> None:
    asked: list[int] = []

    def taken(number: int) -> bool:
        asked.append(number)
        return len(asked) < 3

    assert draw(taken) == asked[2]


# Pinned


def test_a_pinned_is_no_class_to_build_on_and_does_not_travel() -> None:
    with pytest.raises(TypeError, match="final"):
        type("Mine", (Pinned,), {})
    with pytest.raises(TypeError):
        Pinned()  # type: ignore[abstract]
    for way in (pickle.dumps, __import__("copy").copy):
        with pytest.raises(TypeError, match="pass the key"):
            way(pin(list, thread=False))


def test_its_finalizer_runs_in_its_thread_once() -> None:
    threads: list[int] = []
    with Session() as session:
        key = session.refs.insert(pin(lambda: threads, finalizer=lambda it: it.append(threading.get_ident())))
        assert key.hint is Pinned
        inside = session.refs[key].run(lambda _: threading.get_ident())
        assert "without a key" in repr(session.refs[key])
    assert threads == [inside]
    assert inside != threading.get_ident()


@pytest.mark.parametrize("thread", [True, False])
def test_who_holds_it_longer_than_its_ref_is_told(thread: bool) -> None:
    with Session() as session:
        key = session.refs.insert(pin(list, thread=thread))
        it = session.refs[key]
    with pytest.raises(liveref.RefReleasedError):
        it.run(len, timeout=5)


def test_who_is_in_the_thread_does_not_wait_for_it() -> None:
    it = pin(list)
    assert it.run(lambda _: it.run(len)) == 0
    with LocalEngine() as engine, engine.session() as session:
        key = session.refs.create(list, finalizer=list.clear)
        assert engine.refs[key].run(lambda _: session.refs.release(key), timeout=5)


def test_what_a_late_factory_makes_is_closed() -> None:
    closed = threading.Event()

    def slow() -> int:
        time.sleep(0.3)
        return 3

    with LocalEngine() as engine, engine.session() as session:
        with pytest.raises(RefUnavailableError):
            session.refs.create(slow, finalizer=lambda _: closed.set(), timeout=0.05)
        assert closed.wait(5)
        with pytest.raises(RefUnavailableError):
            session.refs.create(slow, thread=False, timeout=0.05)
        assert len(session.refs) == 0


def test_its_arguments_are_checked() -> None:
    for wrong in ({"finalizer": 3}, {"finalizer": 3, "thread": False}):
        with pytest.raises(InvalidArgumentError):
            pin(list, **wrong)  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore")
def test_after_a_fork_it_is_lost() -> None:
    it = pin(list)
    home = Home.of_this_process(12, "forks")

    def child(found: Any) -> None:
        try:
            it.run(len, timeout=5)
        except RefLostError as error:
            found.send((error.args[3], 12 in HOMES))

    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=child, args=[theirs])
    process.start()
    assert ours.poll(20)
    assert ours.recv() == ("a fork left its thread behind", False)
    process.join()
    home.close()


# Homes and calls


def test_a_home_that_runs_no_functions_says_so() -> None:
    with LocalEngine(allow_functions=False) as engine, engine.session() as session:
        key = session.refs.insert([1])
        for forbidden in (
            lambda: session.refs.create(list),
            lambda: engine.refs.at(key).run(len),
            lambda: engine.refs.derive(key, len),  # type: ignore[arg-type]
        ):
            with pytest.raises(EngineError, match="allow_functions=False"):
                forbidden()
        assert engine.refs[key] == [1]


def test_a_finalizer_that_hangs_does_not_hold_up_who_ends_the_session() -> None:
    with LocalEngine(timeout=0.2) as engine:
        session = engine.session()
        session.refs.create(list, finalizer=lambda _: time.sleep(1))
        with pytest.raises(RefUnavailableError):
            session.close()
        session.close()


def test_the_end_of_an_engine_ends_its_sessions_and_tells_what_failed() -> None:
    engine = LocalEngine()
    session = engine.session()

    def fail(_: object) -> None:
        raise OSError

    session.refs.create(list, finalizer=fail)
    with pytest.raises(ExceptionGroup, match="sessions of a home"):
        engine.close()
    engine.close()
    with pytest.raises(RefLostError, match="closed"):
        len(session.refs)
    with pytest.raises(RefLostError):
        engine.session()


def test_a_closed_home_takes_no_session() -> None:
    home = Home(3, "a home")
    home.close()
    with pytest.raises(liveref.RegistryClosedError):
        home.begin(Options())


def test_a_request_that_can_not_be_loaded_is_answered() -> None:
    home = Home(3, "a home")
    answer = unpack(home.answer(b"no pickle"))
    assert isinstance(answer, Answer)
    assert isinstance(answer.value, RemoteCallError)
    home.close()


class Asked(BaseException):
    """What sys.exit() raises is of this kind too."""


def begin(home: Home, finalizer: Callable[[object], object], lease: float | None = None) -> None:
    home.create(home.begin(Options(lease=lease)), object, finalizer, False, Terms(), None)


def fail(_value: object) -> None:
    raise ValueError


def ask(_value: object) -> None:
    raise Asked


def test_a_home_that_closes_ends_all_sessions_whatever_their_finalizers_raise() -> None:
    home, closed = Home(3, "a home"), list[object]()
    for finalizer in (ask, fail, closed.append):
        begin(home, finalizer)
    with pytest.raises(Asked) as caught:
        home.close()
    assert len(closed) == 1
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.args[0] == "sessions of a home failed to end"


def test_leases_run_on_whatever_finalizers_raise_and_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "liveref")
    home, closed = Home(3, "a home"), list[object]()
    for finalizer in (ask, fail, closed.append):
        begin(home, finalizer, lease=0.5)
        wait_for(lambda: not home._sessions)
    wait_for(lambda: len(closed) == 1)
    home.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"the end of a session whose lease was over raised {raised}"
        for raised in ("tests.engines.test_parts.Asked", "ExceptionGroup")
    ]


def test_a_finalizer_that_hangs_holds_up_no_other_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liveref._engine.home._PATIENCE", 0.01)
    home, closed, go_on = Home(3, "a home"), list[object](), threading.Event()
    begin(home, lambda _: go_on.wait(10), lease=0.5)
    begin(home, closed.append, lease=0.6)
    wait_for(lambda: len(closed) == 1)
    go_on.set()
    home.close()


class Stalling(threading.Event):
    """The clock of a home that stands still for longer than a lease; then who renews it comes first."""

    def __init__(self, renew: Callable[[], object]) -> None:
        super().__init__()
        self._renew, self.looks = renew, 0

    def wait(self, timeout: float | None = None) -> bool:
        self.looks += 1
        if self.looks == 2:
            time.sleep(1.5)
        elif self.looks == 3:
            self._renew()
        return super().wait(timeout)


def test_a_home_that_stood_still_ends_no_session_that_could_not_be_renewed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = Home(3, "a home")
    tokens = list[str]()
    stalling = Stalling(lambda: home.touch(tokens[0]))
    monkeypatch.setattr(home, "_closed", stalling)
    tokens.append(home.begin(Options(lease=1.0)))
    wait_for(lambda: stalling.looks > 4)
    assert home.keys(tokens[0]) == []
    wait_for(lambda: not home._sessions)
    home.close()


def test_a_home_whose_thread_of_leases_did_not_start_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: object) -> None:
        raise RuntimeError

    home, closed = Home(3, "a home"), list[object]()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError):
        home.begin(Options(lease=0.5))
    monkeypatch.undo()
    begin(home, closed.append, lease=0.5)
    wait_for(lambda: len(closed) == 1)
    home.close()


def test_a_home_remembers_some_ends_and_knows_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liveref._engine.home._REMEMBERED", 1)
    with LocalEngine() as engine:
        keys = []
        for _ in range(3):
            with engine.session() as session:
                keys.append(session.refs.insert(1))
        for key in keys:
            with pytest.raises(liveref.RefReleasedError, match="session ended"):
                engine.refs[key]
        assert not engine.refs.release(keys[0])


class Far(Calls):
    """An engine whose homes say what the test says."""

    def __init__(self, says: object) -> None:
        super().__init__(0.5)
        self.says = says
        self.asked = 0
        self.names = {1: "one"}

    def _send(self, home: int, group: str, packet: Any, timeout: float) -> Any:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def _find_homes(self) -> dict[int, str]:
        return self.names

    def _moved_to(self, route: Route) -> None:
        return None

    def _note_moves(self, routes: Any, to: Route) -> None: ...


def far_key(home: int = 1) -> RegistryKey[Any]:
    return RegistryKey.parse(str(uuid.UUID(bytes=routed_id(Route(home, 1)))), int)


def test_what_is_lost_is_not_asked_for_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    from liveref._engine.refs import EngineRefs

    monkeypatch.setattr("liveref._engine.calls._UNKNOWN", 2)
    far = Far(Gone("it is gone"))
    refs = EngineRefs(far)
    assert far.homes() == {1: "one"}
    for _ in range(3):
        with pytest.raises(RefLostError):
            refs[far_key()]
    assert far.asked == 1
    assert far.homes() == {}
    for home in (2, 3):
        with pytest.raises(RefLostError):
            refs[far_key(home)]
    with pytest.raises(RefLostError):
        refs[far_key()]
    assert far.asked == 4
    assert far.name_of(9) == "home 000009"


def test_homes_are_asked_for_anew_once_all_that_were_known_are_lost() -> None:
    from liveref._engine.refs import EngineRefs

    far = Far(Gone("it is gone"))
    assert far.homes() == {1: "one"}
    far.names = {2: "two"}
    assert far.homes() == {1: "one"}
    with pytest.raises(RefLostError):
        EngineRefs(far)[far_key()]
    assert far.homes() == {2: "two"}


@pytest.mark.parametrize("run", [anyio.run, trio.run], ids=["asyncio", "trio"])
def test_a_registry_asks_a_home_beside_the_event_loop(run: Callable[..., object]) -> None:
    asked = list[object]()

    class Asked:
        def _resolve(self, key: RegistryKey[object], /) -> object:
            asked.append((threading.get_ident(), liveref.current_owner(), key))
            return 7

    async def look_up() -> None:
        key, own = far_key(), session.refs.insert(1)
        with liveref.acting_as("ann"):
            assert await session.refs.aget(key) == 7
            assert await session.refs.aget(own) == 1
        [(thread, owner, found)] = asked
        assert (owner, found) == ("ann", key)
        assert thread != threading.get_ident()
        assert await session.refs.aget(RegistryKey.new(int), default=None) is None

    with Session(engine=Asked()) as session:
        run(look_up)


def test_a_session_whose_end_met_silence_can_be_closed_again() -> None:
    from liveref._engine.remote import RemoteSession

    far = Far(Silent("no answer"))
    session = RemoteSession(far, str(far_key()), None)
    with pytest.raises(RefUnavailableError), session:
        with pytest.raises(RefUnavailableError):
            session.close()
        assert far.asked == 1
    far.says = pack(Answer("ok", None))
    session.close()
    session.close()
    assert far.asked == 3


def test_what_is_silent_is_asked_again() -> None:
    from liveref._engine.refs import EngineRefs

    far = Far(Silent("no answer"))
    refs = EngineRefs(far)
    for _ in range(2):
        with pytest.raises(RefUnavailableError, match="no answer"):
            refs.get(far_key(), default=None)
    assert far.asked == 2


def test_an_answer_that_can_not_be_loaded_here_is_told() -> None:
    from liveref._engine.refs import EngineRefs

    with pytest.raises(RemoteResultError, match="can't be loaded"):
        EngineRefs(Far(b"no pickle"))[far_key()]


def test_a_plain_key_makes_no_call() -> None:
    far = Far(Gone("it is gone"))
    far._resolve = lambda key: far._send(0, "", b"", 0)  # type: ignore[attr-defined]
    with Session(engine=far) as session:  # type: ignore[arg-type]
        for lookup in (session.refs.get, session.refs.get_any, session.refs.__getitem__):
            with pytest.raises(RefNotFoundError):
                lookup(RegistryKey.new(int))
        key = session.refs.insert(1)
        assert session.refs[key] == 1
    assert far.asked == 0
    with pytest.raises(InvalidArgumentError):
        Session(engine="x")  # type: ignore[arg-type]


def test_an_engine_has_a_deadline_and_a_home() -> None:
    wrong = [(0, "0"), (-1, "-1"), (float("inf"), "inf"), ("x", "str"), (True, "bool"), (None, "None")]
    for timeout, found in wrong:
        with pytest.raises(InvalidArgumentError, match=f"number of seconds, found {found}.$"):
            LocalEngine(timeout=timeout)  # type: ignore[arg-type]
    with LocalEngine() as engine:
        engine._found, engine._asked = {}, time.monotonic()
        with pytest.raises(EngineError, match="no home"):
            engine.session()
        with pytest.raises(RefLostError):
            engine.session(home=(engine._home.number + 1) % 0xFFFFFF)


def test_a_home_of_this_process_is_used_without_a_call() -> None:
    home = Home.of_this_process(draw(HOMES.__contains__), "a home", ["json"])
    far = Far(Gone("it is gone"))
    from liveref._engine.refs import EngineRefs

    token = home.begin(Options())
    key = home.insert(token, [1], MISSING, Terms())
    assert EngineRefs(far)[key] == [1]
    assert far.name_of(home.number) == home.name
    assert far.asked == 0
    home.close()


def test_cloudpickle_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(ImportError, match="pip install cloudpickle"):
        pack(1)
    with LocalEngine(strict=True) as engine, pytest.raises(ImportError, match="pip install cloudpickle"):
        engine.session()


def test_a_handle_that_is_of_another_class_does_not_fit() -> None:
    with LocalEngine(strict=True) as engine, engine.session() as session:
        key = session.refs.create(list)
        found = engine.refs.get(RegistryKey.parse(str(key)))
        with Session(engine=engine) as plain:
            assert plain.refs.get(RegistryKey.parse(str(key)), Pinned[list]) is not None
            with pytest.raises(liveref.RefTypeError):
                plain.refs.get(RegistryKey.parse(str(key)), Pinned[dict])
            assert plain.refs.get(RegistryKey.parse(str(key)), Pinned[list[int]]) is not None
        assert not isinstance(found, Here)
        with pytest.raises(InvalidArgumentError):
            session.refs.insert(found)


def test_a_key_of_which_the_hint_is_lost_is_compared_by_its_tag() -> None:
    class Local(list[int]):
        pass

    with LocalEngine() as engine, engine.session() as session:
        value = session.refs.insert(Local())
        pinned = session.refs.create(Local)
        for key in (value, pinned):
            lost = pickle.loads(pickle.dumps(key))
            assert engine.refs.get(lost) is engine.refs.get(key)
        other = pickle.loads(pickle.dumps(RegistryKey.parse(str(value), type("Other", (), {}))))
        with pytest.raises(liveref.RefTypeError):
            engine.refs.get(other)


def test_a_snapshot_says_which_refs_are_shared_and_is_then_of_the_second_format() -> None:
    with LocalEngine() as engine:
        with engine.session() as session:
            shared = session.refs.insert([1])
            pinned = session.refs.create(list)
            text = engine.refs[pinned].run(
                lambda _: str(
                    liveref.current_session_registry().insert([2], lifetime=liveref.RefLifetime.UNTIL_PARENT_FINISH)
                )
            )
            session.refs.release(pinned)
            snapshot = session.snapshot()
        header, _ = snapshot._contents.encode()
        assert (header["format"], header["shared"]) == (2, "2")
        with engine.resume(snapshot):
            assert engine.refs.describe(shared).kind == "shared"
            assert engine.refs.describe(RegistryKey.parse(text)).kind == "plain"
    assert "shared" not in Session().snapshot()._contents.encode()[0]


@pytest.mark.parametrize("flags", ["", "g", "4", "fffffffff"])
def test_flags_that_are_none_are_refused(flags: str) -> None:
    from liveref._snapshot.contents import _flags

    assert _flags("2", 2) == b"\1\0"
    with pytest.raises(liveref.SnapshotFormatError):
        _flags(flags, 2)


def test_what_is_there_no_more_ends_and_goes_in_silence() -> None:
    home = Home(3, "a home")
    token = home.begin(Options(lease=60.0))
    other = home.begin(Options(lease=60.0))
    key = home.insert(token, 1, MISSING, Terms())
    home.release(key)
    home.gone(key)
    home.end(token)
    home.end(token)
    home.end(other)
    home.close()


def test_a_session_may_be_resumed_while_it_lives() -> None:
    with LocalEngine() as engine, engine.session() as session:
        key = session.refs.insert([1])
        with engine.resume(session.snapshot()) as again:
            assert len(again.refs) == 1
            assert again.refs.drain() == 1
        assert engine.refs[key] == [1]


def test_who_renews_a_lease_stops_once_there_is_nothing_to_renew() -> None:
    engine = LocalEngine()
    with engine.session() as other:
        session = engine.session(lease=1.5)
        renewing = next(each for each in threading.enumerate() if each.name == "liveref-lease")
        session.refs.insert(1)
        real = session.refs._ask
        failures = [ValueError(), None]

        def fail_once(*args: Any, **kwargs: Any) -> object:
            error = failures.pop() if failures else None
            if error is not None:
                raise error
            return real(*args, **kwargs)

        session.refs.__class__._ask = fail_once  # type: ignore[method-assign]
        try:
            wait_for(lambda: not failures)
        finally:
            session.refs.__class__._ask = real.__func__  # type: ignore[method-assign]
        assert renewing.is_alive()
        assert len(other.refs) == 0
    engine.close()
    renewing.join(5)
    assert not renewing.is_alive()


def test_a_lease_is_renewed_though_nothing_but_a_key_is_held() -> None:
    with LocalEngine() as engine:
        key = engine.session(lease=1.5).refs.insert("x")
        gc.collect()
        time.sleep(3)
        assert engine.refs[key] == "x"


def test_moves_to_sessions_that_have_ended_are_forgotten() -> None:
    with LocalEngine() as engine:
        session = engine.session()
        first, kept = session.refs.insert("first"), engine.session()
        other = kept.refs.insert("other")
        held = engine.resume(kept.snapshot())
        kept.close()
        for number in range(200):
            session.refs.insert(number)
            snapshot = session.snapshot()
            session.close()
            session = engine.resume(snapshot)
            session.refs.drain()
        assert len(engine._moves) < 100
        assert engine.refs[other] == "other"
        with pytest.raises(liveref.RefReleasedError, match="session ended"):
            engine.refs[first]
        held.close()


# Event loops


def test_what_is_asynchronous_works_on_trio_too() -> None:
    async def main() -> None:
        for strict in (False, True):
            with LocalEngine(strict=strict) as engine:
                async with engine.session() as session:
                    key, lists = session.refs.insert([1]), session.refs.create(list)
                    assert await engine.refs.aget(key) == [1]
                    assert await engine.refs[lists].arun(len) == 0
                with pytest.raises(liveref.RefReleasedError):
                    await engine.refs.aget(key)

    trio.run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_session_ends_though_who_leaves_it_is_cancelled(backend: str) -> None:
    ended: list[object] = []

    async def main() -> None:
        with LocalEngine() as engine, anyio.CancelScope() as scope:
            async with engine.session() as session:
                session.refs.create(list, finalizer=lambda it: (time.sleep(0.2), ended.append(it)))
                scope.cancel()
        assert ended == [[]]

    anyio.run(main, backend=backend)
    assert ended == [[]]


def test_who_is_cancelled_does_not_wait_for_a_lookup() -> None:
    let_go = threading.Event()

    async def main(engine: LocalEngine, key: RegistryKey[Pinned[list[object]]]) -> None:
        with anyio.move_on_after(0.05) as scope:
            await engine.refs[key].arun(lambda _: let_go.wait(5))
        let_go.set()
        assert scope.cancelled_caught

    with LocalEngine() as engine, engine.session() as session:
        trio.run(main, engine, session.refs.create(list))
