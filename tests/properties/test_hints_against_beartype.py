from __future__ import annotations

import collections.abc
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from beartype import BeartypeConf
from beartype.door import is_bearable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liveref import CheckDepth, RefTypeError, SessionRefRegistry, check_depth

# The first intended difference, that float takes an int, is one that beartype has an option for.
CONF = BeartypeConf(is_random=False, is_pep484_tower=True)


class Base: ...


class Child(Base): ...


class Other: ...


CLASSES = (int, str, bool, float, complex, bytes, Base, Child, Other, list, dict, type(None))
LITERALS = (0, 1, 2, True, False, "a", "b", b"a", None)
SEQUENCES = (list, set, frozenset, collections.abc.Sequence, collections.abc.Collection)

scalars = st.one_of(
    st.sampled_from(LITERALS),
    st.sampled_from((1.0, 0.0, 1j, "", Base(), Child(), Other(), int, bool, str, Base, Child, Other)),
)


def containers(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hashable = st.sampled_from((*LITERALS, 1.0, int))
    return st.one_of(
        st.lists(values, max_size=4),
        st.lists(values, max_size=3).map(tuple),
        st.frozensets(hashable, max_size=3),
        st.sets(hashable, max_size=3),
        st.dictionaries(hashable, values, max_size=3),
    )


values = st.recursive(scalars, containers, max_leaves=6)

leaf_hints = st.one_of(
    st.sampled_from((*CLASSES, None, object, Any)),
    st.lists(st.sampled_from(LITERALS), min_size=1, max_size=3).map(lambda choices: Literal[tuple(choices)]),
    st.sampled_from((int, bool, Base, Child, Union[int, Base], Any)).map(lambda cls: type[cls]),
)


def larger(hints: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from((int, str, object, Literal["a", 1], Union[int, None]))
    return st.one_of(
        st.tuples(st.sampled_from(SEQUENCES), hints).map(lambda parts: parts[0][parts[1]]),
        st.tuples(st.sampled_from((dict, collections.abc.Mapping)), keys, hints).map(lambda p: p[0][p[1], p[2]]),
        hints.map(lambda hint: tuple[hint, ...]),
        st.lists(hints, max_size=3).map(lambda parts: tuple[tuple(parts)] if parts else tuple[()]),
        st.lists(hints, min_size=2, max_size=3).map(lambda parts: Union[tuple(parts)]),
        hints.map(lambda hint: typing.Optional[hint]),
        hints.map(lambda hint: Annotated[hint, "m"]),
    )


hints = st.recursive(leaf_hints, larger, max_leaves=4)


@st.composite
def values_of(draw: st.DrawFn, hint: Any) -> Any:
    """A value that fits the hint, or nearly: now and then a part is replaced by any value."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    origin, args = get_origin(hint), get_args(hint)
    if hint in (object, Any):
        return draw(values)
    if hint is None:
        return None
    if origin is Literal:
        return draw(st.sampled_from(args))
    if origin is Union:
        return draw(values_of(draw(st.sampled_from(args))))
    if origin is Annotated:
        return draw(values_of(args[0]))
    if origin is type:
        return draw(st.sampled_from((int, bool, Base, Child)))
    if origin is tuple and args[-1:] == (...,):
        return tuple(draw(values_of(args[0])) for _ in range(draw(st.integers(0, 3))))
    if origin is tuple:
        return tuple(draw(values_of(arg)) for arg in args)
    if origin in (dict, collections.abc.Mapping):
        return {draw(values_of(args[0])): draw(values_of(args[1])) for _ in range(draw(st.integers(0, 3)))}
    if origin in (set, frozenset):
        return origin(draw(values_of(args[0])) for _ in range(draw(st.integers(0, 3))))
    if origin is not None:
        return [draw(values_of(args[0])) for _ in range(draw(st.integers(0, 3)))]
    return draw(scalars.filter(lambda value: isinstance(value, hint)) if hint not in (list, dict) else st.builds(hint))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    hint = draw(hints)
    try:
        return hint, draw(values_of(hint))
    except TypeError:  # a list in a set
        return hint, draw(values)


def accepted(hint: Any, value: Any) -> bool:
    """The verdict of an insert."""
    registry = SessionRefRegistry()
    try:
        key = registry.insert(value, hint)
    except RefTypeError:
        assert registry.is_empty()
        return False
    # What passes in full passes at a lookup.
    assert registry.get(key) is value
    registry.verify(key)
    return True


TOWER = {float: (float, int), complex: (complex, float, int)}


def fits(hint: Any, value: Any) -> bool:
    """The reference: the whole value, by the words of the contract."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in (object, Any):
        return True
    if hint is None:
        return value is None
    if origin is None:
        return isinstance(value, TOWER.get(hint, hint))
    if origin is Literal:
        return any(type(value) is type(arg) and value == arg for arg in args)
    if origin is Union:
        return any(fits(arg, value) for arg in args)
    if origin is Annotated:
        return fits(args[0], value)
    if origin is type:
        classes = get_args(args[0]) or args
        return isinstance(value, type) and (args[0] is Any or issubclass(value, classes))
    if not isinstance(value, origin):
        return False
    if origin is tuple and args[-1:] != (...,):
        return len(value) == len(args) and all(map(fits, args, value))
    if origin in (dict, collections.abc.Mapping):
        return all(fits(args[0], key) and fits(args[1], item) for key, item in value.items())
    return all(fits(args[0], item) for item in value)


def holds_literal(hint: Any) -> bool:
    return get_origin(hint) is Literal or any(map(holds_literal, get_args(hint)))


def is_looked_at_in_full_by_beartype(hint: Any, value: Any) -> bool:
    """It takes the first item of a container and of a dict, but each item of a tuple of fixed length."""
    if isinstance(value, dict):
        return len(value) <= 1 and all(is_looked_at_in_full_by_beartype(hint, item) for item in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return len(value) <= 1 and all(is_looked_at_in_full_by_beartype(hint, item) for item in value)
    return True


many = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@many
@given(pairs())
def test_what_beartype_refuses_is_refused(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    if not is_bearable(value, hint, conf=CONF):
        assert not accepted(hint, value)


@many
@given(pairs())
def test_where_beartype_looks_at_everything_the_verdicts_agree(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    # The second intended difference: Literal[1] takes no True, which beartype compares by == alone.
    if is_looked_at_in_full_by_beartype(hint, value) and not holds_literal(hint):
        assert accepted(hint, value) == is_bearable(value, hint, conf=CONF)


# The third: beartype looks at one item where we look at all. So what we accept it accepts, whatever the size.
@many
@given(pairs())
def test_what_is_accepted_beartype_accepts(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    if accepted(hint, value):
        assert is_bearable(value, hint, conf=CONF)


@settings(many, max_examples=1_500)
@given(pairs())
def test_verdict_is_that_of_the_reference(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    assert accepted(hint, value) == fits(hint, value)


@many
@given(hints, values)
def test_verdict_on_any_value_is_that_of_the_reference(hint: Any, value: Any) -> None:
    assert accepted(hint, value) == fits(hint, value)


@many
@given(hints)
def test_hint_of_the_grammar_is_never_shallow(hint: Any) -> None:
    assert check_depth(hint) in (CheckDepth.EXACT, CheckDepth.NONE)


@many
@given(pairs())
def test_lookup_accepts_what_the_full_look_accepts(pair: tuple[Any, Any]) -> None:
    hint, value = pair
    registry = SessionRefRegistry()
    key = registry.insert(value, object)
    if fits(hint, value):
        assert registry.get(key, hint) is value
    elif not isinstance(value, list | tuple | dict | set | frozenset):
        with pytest.raises(RefTypeError):
            registry.get(key, hint)


@pytest.mark.parametrize(
    ("hint", "value", "ours", "theirs"),
    [
        (float, 1, True, False),
        (complex, 1.0, True, False),
        (Literal[1], True, False, True),
        (list[int], [1, "x"], False, True),
        (dict[str, int], {"a": 1, "b": "x"}, False, True),
        (list[list[int]], [[1], ["x"]], False, True),
    ],
)
def test_intended_differences_from_beartype(hint: Any, value: Any, ours: bool, theirs: bool) -> None:
    assert accepted(hint, value) is ours
    assert is_bearable(value, hint, conf=BeartypeConf(is_random=False)) is theirs
