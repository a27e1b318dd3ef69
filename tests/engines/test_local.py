"""LocalEngine, plain and strict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from liveref.engine import LocalEngine
from tests.engines.cases import Site, name
from tests.engines.handles import CASES


@pytest.fixture(params=[False, True], ids=["plain", "strict"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with LocalEngine(strict=request.param) as engine:

        def elsewhere(fn: Callable[..., Any], *args: object) -> object:
            return fn(engine, *args)

        yield Site(engine, elsewhere, is_plain=not request.param)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_case(case: Callable[[Site], None], site: Site) -> None:
    case(site)
