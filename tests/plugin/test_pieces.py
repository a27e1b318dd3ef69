"""Parts of the plugin for what no program shows, or seldom does."""

from __future__ import annotations

from types import SimpleNamespace

from mypy.nodes import (
    GDEF,
    Import,
    ImportAll,
    ImportBase,
    MypyFile,
    NameExpr,
    StarExpr,
    SymbolTable,
    SymbolTableNode,
    TypeAlias,
)
from mypy.types import AnyType, DeletedType, TypeOfAny

from liveref_mypy import _aliases, _depth, _heirs, _hint
from liveref_mypy._flow import children
from liveref_mypy._reports import Reports
from liveref_mypy._verdict import UNKNOWN


def module(name: str) -> MypyFile:
    made = MypyFile([], [])
    made._fullname = name
    return made


def test_a_text_that_is_no_expression_names_nothing() -> None:
    assert list(_aliases._names_in("list[")) == []
    assert list(_aliases._names_in(" dict[str, Node] ")) == ["dict", "str", "Node"]


def test_of_a_type_that_the_table_does_not_know_nothing_is_said() -> None:
    assert _depth.depth_of(DeletedType()) is UNKNOWN


def test_a_starred_target_binds_its_name() -> None:
    name = NameExpr("rest")
    assert list(children.names_in(StarExpr(name))) == [name]


def test_an_import_means_modules() -> None:
    here = module("app.views")
    assert list(_heirs._names_of(Import([("json", None), ("app.models", "m")]), here)) == ["json", "app.models"]
    assert list(_heirs._names_of(ImportAll("app.base", 0), here)) == ["app.base"]
    assert list(_heirs._names_of(ImportBase(), here)) == []


def test_a_name_comes_from_the_module_that_holds_it_or_from_none() -> None:
    inner = MypyFile([], [])
    inner._fullname = "app.models.Base"
    names = SymbolTable({"Base": SymbolTableNode(GDEF, inner), "unbound": SymbolTableNode(GDEF, None)})
    assert list(_heirs._origins(names, {"app.models": module("app.models")})) == ["app.models"]
    assert list(_heirs._origins(names, {})) == []


def test_an_alias_with_a_name_that_can_not_be_resolved_is_a_fault() -> None:
    target = AnyType(TypeOfAny.from_error)
    alias = TypeAlias(target, "app.Broken", "app", 1, 0, python_3_12_type_alias=True)
    [fault] = _hint._faults_of_alias(alias, module("app"))
    assert "can't be resolved" in fault.reason


def test_a_finding_that_is_taken_back_leaves_those_of_others() -> None:
    reports, call, other = Reports(), NameExpr("call"), NameExpr("other")
    errors = SimpleNamespace(file="app.py", error_info_map={}, _watchers=[])
    for each in (call, other):
        reports.tell(each, errors, lambda: errors.error_info_map.setdefault("app.py", []).append(object()))
    reports._file = "app.py"
    reports.take_back(call, errors)
    assert len(errors.error_info_map["app.py"]) == 1
    reports.take_back(other, errors)
    assert errors.error_info_map == {}
