"""Lookups of keys that are gone, where that is meant or not known."""

from __future__ import annotations

import unittest

import pytest

from liveref import RefLookupError, RefReleasedError, RefTypeError, RegistryKey, Session, SessionRefRegistry


class Tests(unittest.TestCase):
    def setUp(self) -> None:
        self.refs = SessionRefRegistry()

    def test_released(self) -> None:
        key = self.refs.insert(1)
        self.refs.release(key)
        with self.assertRaises(RefReleasedError):
            self.refs.get(key)  # ok
        with self.assertRaisesRegex(RefReleasedError, "released") as caught:
            self.refs[key]  # ok
        with self.assertRaises(RefLookupError), open("x"):
            self.refs.get(key)  # ok
        self.assertIsNone(self.refs.get(key, default=None))  # ok
        self.assertRaises(RefReleasedError, self.refs.get, key)  # ok
        print(caught)

    def test_warned(self) -> None:
        key = self.refs.insert(1)
        self.refs.remove(key)
        with self.assertWarns(UserWarning):
            self.refs.get(key)  # ok
        with self.assertWarnsRegex(UserWarning, "gone"):
            self.refs.get(key)  # ok

    def test_wrong_type(self) -> None:
        key = self.refs.insert(1)
        with self.assertRaises(RefTypeError):
            self.refs.get(key, str)  # ok
        with self.assertRaisesRegex(TypeError, "int"):
            self.refs.get(key, bytes)  # ok
        self.assertRaises(RefTypeError, lambda: self.refs.get(key, str))  # ok
        with self.assertRaises(RefReleasedError):
            self.refs.get(key, str)  # E: liveref-overlap
        self.assertEqual(self.refs.get(key, str), "a")  # E: liveref-overlap


class AsyncTests(unittest.IsolatedAsyncioTestCase):
    async def test_closed(self) -> None:
        async with Session() as session:
            key = session.refs.insert(1)
        with self.assertRaises(RefReleasedError):
            session.refs.get(key)  # ok


def functions(refs: SessionRefRegistry, key: RegistryKey[int]) -> None:
    pytest.raises(RefTypeError, lambda: refs.get(key, str))  # ok
    pytest.raises(RefReleasedError, lambda: refs.get(key, str))  # E: liveref-overlap
    try:
        refs.get(key, str)  # ok
    except RefTypeError:
        refs.get(key, bytes)  # E: liveref-overlap
    try:
        refs.get(key, str)  # E: liveref-overlap
    except ValueError:
        pass


class Counting(SessionRefRegistry):
    """Its release counts, and may keep the ref."""

    def release(self, key: RegistryKey[object]) -> bool:
        return False

    def close(self) -> None: ...


class Logging(SessionRefRegistry):
    def note(self) -> None: ...


def overridden(counting: Counting, logging: Logging, key: RegistryKey[int], other: RegistryKey[int]) -> None:
    counting.release(key)
    counting.get(key)  # ok
    counting.close()
    counting.get(key)  # ok
    counting.remove(key)
    counting.get(key)  # ok
    logging.release(other)
    logging.get(other)  # E: liveref-removed
    mine = Counting()
    own = mine.insert(1)
    mine.release(own)
    mine.get(own)  # ok


def asked(refs: SessionRefRegistry, key: RegistryKey[int], other: RegistryKey[int], last: RegistryKey[int]) -> None:
    if refs.release(key):
        print("gone")
    else:
        refs.get(key)  # ok
    there = refs.release(other)
    if not there:
        refs.get(other)  # ok
    if not refs.release(last):
        raise LookupError
    refs.remove(last)  # ok


def in_the_parent(parent: Session, key: RegistryKey[int]) -> None:
    with parent.child(isolated=True) as child:
        child.refs.release(key)
        child.refs.get(key)  # ok
        own = child.refs.insert(1)
        child.refs.release(own)
        child.refs.get(own)  # E: liveref-removed
