"""The plugin's options, in both kinds of configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest

from liveref_mypy._codes import CODES, FLOW, Code
from liveref_mypy._options import enabled_codes

from .harness import CASES, case_files, difference, expected, run, run_apart, write_config

ONE_OF_EACH = """\
from __future__ import annotations
from collections.abc import Callable
from typing import Any, Protocol
from liveref import RegistryKey, Session, SessionRefRegistry

class Secret(Protocol): ...

def f(refs: SessionRefRegistry, key: RegistryKey[int], loose: RegistryKey[Any]) -> RegistryKey[int]:
    refs.get(key, str)  # E: liveref-overlap
    refs.get(loose)  # E: liveref-untyped
    RegistryKey.parse(str(key), str)  # E: liveref-roundtrip
    wide: RegistryKey[object] = refs.insert(1)  # E: liveref-widened
    RegistryKey[int].new()  # E: liveref-lost-hint
    RegistryKey.new(Callable[[], int])  # E: liveref-shallow
    RegistryKey.new(Secret)  # E: liveref-unsupported
    refs.release(wide)
    refs.get(wide)  # E: liveref-removed
    one, two = SessionRefRegistry(), SessionRefRegistry()
    two.get(one.insert(1))  # E: liveref-foreign
    with Session() as session:
        return session.refs.insert(1)  # E: liveref-escape
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "one_of_each.py"
    path.write_text(ONE_OF_EACH)
    return path


def _toml(folder: Path, options: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(f'[tool.mypy]\nplugins = ["liveref_mypy"]\n[tool.liveref-mypy]\n{options}\n')
    return path


def _found(module: Path, config: Path) -> set[str]:
    return {finding.code for finding in run([module], config, module.parent / "cache").findings}


def test_flow_switches_its_rules_on(module: Path, tmp_path: Path) -> None:
    everything = {code.code for code in CODES}
    assert _found(module, write_config(tmp_path, options="flow = true", mypy="")) == everything
    assert _found(module, _toml(tmp_path, "flow = true")) == everything
    assert _found(module, write_config(tmp_path, mypy="")) == everything - {code.code for code in FLOW}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.option)
def test_each_code_has_a_switch(code: Code, tmp_path: Path) -> None:
    everything = enabled_codes(str(_toml(tmp_path, "flow = true")))
    assert everything - enabled_codes(str(_toml(tmp_path, f"flow = true\n{code.option} = false"))) == {code}
    assert enabled_codes(str(write_config(tmp_path, options=f"{code.option} = on"))) == enabled_codes(None) | {code}


def test_switch_silences_its_code_alone(module: Path, tmp_path: Path) -> None:
    everything = {code.code for code in CODES}
    for option in ("lost-hint", "escape"):
        found = _found(module, _toml(tmp_path, f"flow = true\n{option} = false"))
        assert everything - found == {f"liveref-{option}"}


def test_mypy_ini_without_a_section_leaves_it_to_pyproject(module: Path, tmp_path: Path) -> None:
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nplugins = liveref_mypy\n")
    _toml(tmp_path, "overlap = false")
    assert "liveref-overlap" not in _found(module, config)


def test_disable_error_code_of_mypy_works_too(module: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path, mypy="disable_error_code = liveref-overlap, liveref-shallow")
    usual = {code.code for code in CODES} - {code.code for code in FLOW}
    assert usual - _found(module, config) == {"liveref-overlap", "liveref-shallow"}


TRIED_OUT = """\
from collections.abc import Callable
from typing import Any
from liveref import RegistryKey, SessionRefRegistry

def use(refs: SessionRefRegistry, keys: list[RegistryKey[object]], key: RegistryKey[int], text: str) -> None:
    sum(refs.get(each, Callable[[], int])() for each in keys)  # type: ignore[liveref-shallow]
    refs.get(RegistryKey.parse(text, Callable[[int], str]), Callable[..., Any])  # type: ignore[liveref-shallow]
    max(refs.get(key, str), "b")  # type: ignore[liveref-overlap]
    round(len(refs.get(key, str)))  # type: ignore
"""


def test_finding_inside_of_what_mypy_tries_out_can_be_ignored(tmp_path: Path) -> None:
    path = tmp_path / "tried_out.py"
    path.write_text(TRIED_OUT)
    assert run([path], write_config(tmp_path), tmp_path / "cache").findings == frozenset()
    path.write_text(TRIED_OUT.replace("  # type: ignore", "  #"))
    switched_off = write_config(tmp_path, mypy="disable_error_code = liveref-overlap, liveref-shallow")
    assert run([path], switched_off, tmp_path / "cache").findings == frozenset()
    assert len(run([path], write_config(tmp_path), tmp_path / "cache").findings) == 4


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param("flwo = true", "flwo", id="unknown-option"),
        pytest.param('flow = "perhaps"', "perhaps", id="unknown-value"),
        pytest.param("shallow = 2", "shallow", id="number"),
        pytest.param("lost_hint = false", "lost_hint", id="underscore"),
    ],
)
def test_mistake_in_toml_stops_mypy(options: str, named: str, module: Path, tmp_path: Path) -> None:
    result = run([module], _toml(tmp_path, options), tmp_path / "cache")
    assert result.status == 2
    assert named in result.text
    assert "Traceback" not in result.text


@pytest.mark.parametrize(("options", "named"), [("flwo = true", "flwo"), ("flow = perhaps", "perhaps")])
def test_mistake_in_ini_stops_mypy(options: str, named: str, module: Path, tmp_path: Path) -> None:
    result = run([module], write_config(tmp_path, options=options), tmp_path / "cache")
    assert result.status == 2
    assert named in result.text


def test_section_that_is_no_table_stops_mypy(module: Path, tmp_path: Path) -> None:
    config = tmp_path / "pyproject.toml"
    config.write_text('[tool]\nliveref-mypy = 1\n[tool.mypy]\nplugins = ["liveref_mypy"]\n')
    result = run([module], config, tmp_path / "cache")
    assert (result.status, "no table" in result.text) == (2, True)


def test_mistake_stops_a_real_process_with_code_two(module: Path, tmp_path: Path) -> None:
    result = run_apart([module], _toml(tmp_path, "flwo = true"), tmp_path / "cache")
    assert (result.status, "flwo" in result.text) == (2, True)


def test_change_of_an_option_is_seen_in_a_warm_cache(module: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    config = write_config(tmp_path, mypy="")
    before = run([module], config, cache).findings
    write_config(tmp_path, options="overlap = false", mypy="")
    during = run([module], config, cache).findings
    write_config(tmp_path, mypy="")
    assert {finding.code for finding in before - during} == {"liveref-overlap"}
    assert run([module], config, cache).findings == before


def test_all_off_leaves_mypy_alone(tmp_path: Path) -> None:
    off = "\n".join(f"{code.option} = false" for code in CODES)
    found = run([CASES / "wrong"], write_config(tmp_path, options=off), tmp_path / "cache").findings
    kept = {each for each in expected(case_files()) if not each.code.startswith("liveref-")}
    assert not difference(kept, found)
