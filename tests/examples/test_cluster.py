"""The program of ``make demo-cluster``, where no cluster has to be started for long."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest


@pytest.mark.parametrize("on", ["local", "dask"])
def test_a_job_that_is_killed_in_the_middle_has_the_same_result(on: str, run_example: Callable[..., str]) -> None:
    if on == "dask" and find_spec("distributed") is None:
        pytest.skip("needs liveref[dask]")
    printed = run_example("cluster.py", arguments=["--on", on, "--files", "60"])
    assert "it is resumed" in printed
    assert f"60 files on {on}: the same result" in printed
