"""The pytest plugin, on test files of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

UNCLOSED = ("-W", "ignore::ResourceWarning")
OPTIONS = ("--disable-plugin-autoload", "-p", "liveref.integrations.pytest_plugin")
HEAD = """
import asyncio, pytest, weakref
from liveref import RefLifetime, Session, SessionRefRegistry, current_session_registry

def close(value):
    value.append("closed")

@pytest.fixture
def kept():
    return []
"""


@pytest.fixture
def run(pytester: pytest.Pytester):
    def run(body: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(HEAD + body)
        return pytester.runpytest(*OPTIONS, *options)

    return run


def test_the_session_is_current_and_ends_with_the_test(run) -> None:
    result = run("""
sessions = []

def test_it(live_session):
    sessions.append(live_session)
    assert current_session_registry() is live_session.refs
    live_session.refs.insert([])

def test_after():
    assert current_session_registry(default=None) is None
    assert sessions[0].refs.is_empty()
""")
    result.assert_outcomes(passed=2)


def test_a_test_that_leaves_a_ref_in_its_session_fails_and_the_finalizer_runs(run) -> None:
    result = run("""
values = []

def test_leaks(live_session):
    live_session.refs.insert(values, finalizer=close)
    live_session.refs.insert(values)

def test_after():
    assert values == ["closed"]
""")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "the test left 1 ref with finalizers:",
            "  builtins:list inserted at *test_a_test_that_leaves_a_ref_in_its_session_fails_and_the_finalizer_runs.py:14",
            "Release or remove each, or close its registry or session.*",
        ]
    )


def test_what_is_released_removed_or_closed_is_no_leak(run) -> None:
    result = run("""
def test_released(live_session):
    live_session.refs.release(live_session.refs.insert([], finalizer=close))
    live_session.refs.remove(live_session.refs.insert([], finalizer=close))

def test_closed(live_session):
    live_session.refs.insert([], finalizer=close)
    live_session.close()

def test_session_of_its_own():
    with Session() as session:
        session.refs.insert([], finalizer=close)
""")
    result.assert_outcomes(passed=3)


def test_a_registry_that_is_collected_with_finalizers_fails_the_test(run) -> None:
    result = run("""
def test_drops():
    SessionRefRegistry().insert([], finalizer=close)
""", "-W", "ignore::ResourceWarning")  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  builtins:list inserted at *.py:12"])


def test_a_registry_in_a_cycle_is_an_error_after_the_test(run) -> None:
    result = run("""
made = []

def test_cycle():
    registry = SessionRefRegistry()
    registry.insert([registry], finalizer=close)
    made.append(weakref.ref(registry))

def test_after():
    made[0]().drain()
""")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["  builtins:list inserted at *.py:15"])


def test_a_registry_that_is_still_open_after_teardown_is_an_error(run) -> None:
    result = run("""
made = []

@pytest.fixture
def make():
    mine = []
    yield lambda: mine.append(SessionRefRegistry()) or mine[-1]
    for registry in mine:
        registry.close()

def test_global():
    made.append(SessionRefRegistry())
    made[0].insert([], finalizer=close)

def test_explicit(kept):
    with Session() as session:
        session.refs.insert(kept, finalizer=close, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
    made.append(session)

def test_closed_by_a_fixture(make):
    make().insert([], finalizer=close)

def test_after():
    made[0].drain()
    made[1].refs.drain()
""")
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["*inserted at *.py:22", "*inserted at *.py:26"])


def test_what_a_resumed_session_has_not_opened_is_no_leak(run) -> None:
    result = run("""
from liveref import reopener

@reopener("tests.pytest_plugin.list", finalizer=close)
def make():
    return []

@pytest.fixture
def paused():
    with Session() as session:
        key = session.refs.open(make.recipe())
        return key, session.snapshot()

def test_unopened(paused):
    Session.resume(paused[1])

def test_opened(paused):
    Session.resume(paused[1]).refs.get_any(paused[0])
""", "-W", "ignore::ResourceWarning")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_opened*", "  builtins:* inserted at a resume"])


def test_what_fixtures_insert_is_theirs_and_ends_with_them(run) -> None:
    result = run("""
@pytest.fixture
def in_session(live_session, kept):
    live_session.refs.insert(kept, finalizer=close)
    return kept

@pytest.fixture(scope="module")
def shared():
    registry = SessionRefRegistry()
    registry.insert([], finalizer=close)
    yield
    registry.close()

def test_in_session(in_session): ...
def test_shared(shared): ...
""")
    result.assert_outcomes(passed=2)


def test_a_test_that_fails_or_skips_by_itself_is_told_only_that(run) -> None:
    result = run("""
def test_fails(live_session):
    live_session.refs.insert([], finalizer=close)
    assert "own reason" == ""

def test_skips(live_session):
    live_session.refs.insert([], finalizer=close)
    pytest.skip("own reason")

@pytest.fixture
def broken(live_session):
    live_session.refs.insert([], finalizer=close)
    raise ValueError

def test_broken(broken): ...
""")
    result.assert_outcomes(failed=1, skipped=1, errors=1)
    result.stdout.no_fnmatch_line("*with finalizers*")


def test_a_leak_can_be_meant_or_expected(run) -> None:
    result = run("""
@pytest.mark.leaks_refs
def test_meant(live_session):
    live_session.refs.insert([], finalizer=close)

@pytest.mark.xfail(strict=True)
def test_expected(live_session):
    live_session.refs.insert([], finalizer=close)
""", "--strict-markers")  # fmt: skip
    result.assert_outcomes(passed=1, xfailed=1)


ASYNC = """
@pytest.mark.anyio
async def test_current(live_session):
    await asyncio.sleep(0)
    assert current_session_registry() is live_session.refs

@pytest.mark.anyio
async def test_leaks(live_session):
    current_session_registry().insert([], finalizer=close)

@pytest.mark.anyio
async def test_drops():
    SessionRefRegistry().insert([], finalizer=close)

@pytest.mark.anyio
async def test_asynchronous_finalizer(live_session, kept):
    async def aclose(value):
        value.append("closed")
    live_session.refs.insert(kept, finalizer=aclose)
    await live_session.aclose()
    assert kept == ["closed"]

class TestMethods:
    @pytest.mark.anyio
    async def test_method(self, live_session):
        assert current_session_registry() is live_session.refs
"""


def test_asynchronous_tests_have_the_session_too(run) -> None:
    pytest.importorskip("anyio", reason="needs anyio, which comes with fastapi")
    backend = """
@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module", autouse=True)
async def _older_context(anyio_backend):
    yield
"""
    result = run(backend + ASYNC, "-p", "anyio", *UNCLOSED)
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*test_leaks*", "*inserted at *.py:26", "*test_drops*", "*inserted at *.py:30"])


def test_an_asynchronous_test_of_unittest_has_the_session_too_and_is_watched(run) -> None:
    result = run(
        """
import unittest

class Cases(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def take(self, live_session):
        self.session = live_session

    async def test_current(self):
        assert current_session_registry() is self.session.refs

    async def test_drops(self):
        SessionRefRegistry().insert([], finalizer=close)
""",
        *UNCLOSED,
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_drops*", "the test left 1 ref with finalizers:"])


def test_an_asynchronous_test_that_is_run_again_is_watched_again(run, pytester: pytest.Pytester) -> None:
    pytest.importorskip("anyio", reason="needs anyio, which comes with fastapi")
    pytester.makeconftest("""
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=nextitem, log=False)
    item._initrequest()
    runtestprotocol(item, nextitem=nextitem)
    return True
""")
    result = run(
        """
runs = []

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_drops(live_session):
    runs.append(live_session)
    assert current_session_registry() is live_session.refs
    assert len(runs) == 2
    SessionRefRegistry().insert([], finalizer=close)
""",
        "-p",
        "anyio",
        *UNCLOSED,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test left 1 ref with finalizers:"])


def test_it_is_not_loaded_unless_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(HEAD + "def test_it(live_session): ...")
    result = pytester.runpytest("--disable-plugin-autoload")
    result.stdout.fnmatch_lines(["*fixture 'live_session' not found"])


def test_a_conftest_can_load_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['liveref.integrations.pytest_plugin']")
    pytester.makepyfile(HEAD + "def test_it(live_session): ...")
    pytester.runpytest("--disable-plugin-autoload").assert_outcomes(passed=1)
