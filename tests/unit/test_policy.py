"""The tables of policies and lifetimes: one row for each member, and a clear word where one is missing."""

from __future__ import annotations

import pytest

from liveref import RefLifetime, Session, SessionPausePolicy
from liveref import _policy
from liveref._snapshot.contents import Kind


def test_each_policy_has_a_row_and_each_row_a_policy() -> None:
    assert list(_policy.POLICIES) == list(SessionPausePolicy)


def test_each_lifetime_has_a_row_and_each_row_a_lifetime() -> None:
    assert list(_policy.LIFETIMES) == list(RefLifetime)


@pytest.mark.parametrize("policy", SessionPausePolicy)
def test_what_has_no_way_to_be_kept_has_a_reason(policy: SessionPausePolicy) -> None:
    row = _policy.policy_row(policy)
    assert bool(row.refusal) == (_policy.Way.PICKLE not in row.ways)


def test_each_way_to_keep_an_object_is_a_kind_of_the_snapshot() -> None:
    assert {way.name for way in _policy.Way} == {kind.name for kind in Kind} - {"EXPECTED"}


def test_a_policy_without_a_row_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_policy.POLICIES, SessionPausePolicy.WARN_DROP)  # type: ignore[arg-type]
    with Session() as session:
        session.refs.insert([1])
        with pytest.raises(NotImplementedError, match="'warn_drop'> has no row in liveref._policy.POLICIES"):
            session.snapshot(policy=SessionPausePolicy.WARN_DROP)
        assert len(session.refs) == 1


def test_a_lifetime_without_a_row_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_policy.LIFETIMES, RefLifetime.UNTIL_SNAPSHOT)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="'until_snapshot'> has no row in liveref._policy.LIFETIMES"):
        _policy.lifetime_row(RefLifetime.UNTIL_SNAPSHOT)
    with pytest.raises(NotImplementedError):
        _policy._lifetimes(lambda row: row.outlives_owner)
