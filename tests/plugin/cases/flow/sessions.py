"""Keys that leave their sessions, or are used with a registry that never held them."""

from __future__ import annotations

from collections.abc import Iterator

from liveref import RefLifetime, RegistryKey, Session, SessionRefRegistry, use_session_registry


def foreign() -> None:
    first = SessionRefRegistry()
    second = SessionRefRegistry(capacity=3)
    key = first.insert(1)
    second.get(key)  # E: liveref-foreign
    second[key]  # E: liveref-foreign
    second.remove(key)  # E: liveref-foreign
    same = first
    same.get(key)  # ok
    first.transfer_ref(key, second)
    second.get(key)  # ok


def foreign_sessions() -> None:
    with Session() as one, Session() as two:
        key = one.refs.insert(1)
        two.refs[key]  # E: liveref-foreign
        other = two.refs.typed(int).insert(3)
        one.refs.get_any(other)  # E: liveref-foreign
        two.refs.get(key, default=None)  # ok


def families() -> None:
    with Session() as parent:
        key = parent.refs.insert(1)
        with parent.child() as child:
            child.refs.get(key)  # ok
            lent = child.refs.insert(2)
        parent.refs.get(lent)  # ok
        with parent.child(isolated=True) as apart:
            apart.refs.get(key)  # ok
            own = apart.refs.insert(3)
            parent.refs.get(own)  # E: liveref-foreign
            moved = apart.refs.insert(4, lifetime=RefLifetime.UNTIL_PARENT_FINISH)
        parent.refs.get(moved)  # ok
        apart.refs.get(own)  # E: liveref-escape


def handed_out(fill: SessionRefRegistry) -> None:
    first, second = SessionRefRegistry(), SessionRefRegistry()
    key = first.insert(1)
    move(first, second)
    second.get(key)  # ok
    third = SessionRefRegistry()
    with use_session_registry(third):
        third.get(key)  # ok
    fill.get(key)  # ok
    with Session() as session:
        move(session, second)
        session.refs.get(key)  # ok


def move(source: object, target: SessionRefRegistry) -> None: ...


def returned() -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1)
        return key  # E: liveref-escape


def returned_at_once() -> tuple[int, RegistryKey[str]]:
    with Session() as session:
        return 1, session.refs.insert("a")  # E: liveref-escape


async def used_after() -> int:
    async with Session() as session:
        key = session.refs.insert(1)
    print(session.refs[key])  # E: liveref-escape
    return session.refs.get(key)  # E: liveref-escape


def used_after_close() -> int:
    session = Session()
    key = session.refs.insert(1)
    session.refs.get(key)  # ok
    session.close()
    return session.refs.get(key)  # E: liveref-escape


def outliving(flag: bool) -> RegistryKey[int]:
    with Session() as session:
        key = session.refs.insert(1, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
        late = session.refs.insert(1, lifetime=RefLifetime.UNTIL_PARENT_FINISH)
        short = session.refs.insert(1, lifetime=RefLifetime.UNTIL_SNAPSHOT)
        if flag:
            return late  # ok
    session.refs.get(short)  # E: liveref-escape
    session.refs.get(key)  # ok
    return key  # ok


def fixture() -> Iterator[RegistryKey[int]]:
    with Session() as session:
        key = session.refs.insert(1)
        yield key
    session.refs.get(key)  # ok


def from_outside(session: Session, lifetime: RefLifetime) -> RegistryKey[int]:
    with session:
        key = session.refs.insert(1)
    with Session() as own:
        chosen = own.refs.insert(1, lifetime=lifetime)
        print(own.refs.get(chosen))  # ok
    own.refs.get(chosen)  # ok
    return session.refs.insert(session.refs.get(key))  # ok


def value_of(key: RegistryKey[int], given: SessionRefRegistry) -> int:
    with Session() as session:
        own = session.refs.insert(1)
        return session.refs.get(own) + given.get(key)  # ok


def make_session() -> Session:
    return Session()


def made_elsewhere() -> RegistryKey[int]:
    with make_session() as session:
        key = session.refs.insert(1)
        return key  # ok
