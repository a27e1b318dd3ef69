"""FastAPI: keys as body fields, in responses and in the OpenAPI schema; what a wrong or stale handle gives."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from liveref import (
    SESSION_REF_TAG,
    RefLookupError,
    RefNotFoundError,
    RefTypeError,
    RegistryKey,
    SessionRefRegistry,
)

pytest.importorskip("fastapi", reason="needs liveref[fastapi]")

from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import JSONResponse  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from pydantic import BaseModel  # noqa: E402


class Query(BaseModel):
    db: RegistryKey[sqlite3.Connection]
    sql: str


class Answer(BaseModel):
    rows: RegistryKey[list[tuple[int]]]


@pytest.fixture
def registry() -> SessionRefRegistry:
    return SessionRefRegistry()


@pytest.fixture
def db(registry: SessionRefRegistry) -> Any:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    yield registry.insert(connection)
    connection.close()


@pytest.fixture
def app(registry: SessionRefRegistry) -> FastAPI:
    app = FastAPI()

    @app.post("/query")
    def query(query: Query) -> Answer:
        rows = registry.get(query.db).execute(query.sql).fetchall()
        return Answer(rows=registry.insert(rows, list[tuple[int]]))

    @app.post("/rows")
    def rows(ref: RegistryKey[list[tuple[int]]]) -> list[tuple[int]]:
        return registry.get(ref)

    @app.get("/databases")
    def databases() -> list[RegistryKey[sqlite3.Connection]]:
        return [RegistryKey.parse(str(key), sqlite3.Connection) for key in registry]

    @app.exception_handler(RefLookupError)
    def stale(request: Request, error: RefLookupError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 404 if isinstance(error, RefNotFoundError) else 410)

    @app.exception_handler(RefTypeError)
    def mistaken(request: Request, error: RefTypeError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    return app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


def test_a_handle_goes_into_a_request_and_comes_out_of_a_response(client: TestClient, db: RegistryKey[Any]) -> None:
    (handle,) = client.get("/databases").json()
    assert handle == db.to_marker(typed=True)
    answer = client.post("/query", json={"db": handle, "sql": "select 6 * 7"}).json()
    assert client.post("/rows", json=answer["rows"]).json() == [[42]]


def test_an_untyped_marker_is_taken(client: TestClient, db: RegistryKey[Any]) -> None:
    assert client.post("/query", json={"db": db.to_marker(), "sql": "select 1"}).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"type": "builtins:str"}, {"more": 1}, {SESSION_REF_TAG: "x"}], ids=["type", "extra", "no uuid"]
)
def test_a_wrong_handle_is_unprocessable_and_not_echoed(
    client: TestClient, db: RegistryKey[Any], wrong: dict[str, object]
) -> None:
    response = client.post("/query", json={"db": db.to_marker() | wrong, "sql": "select 1"})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "db"]
    assert str(db) not in response.text


def test_a_handle_of_another_ref_is_refused_by_the_lookup(client: TestClient, registry: SessionRefRegistry) -> None:
    key = registry.insert("text")
    response = client.post("/query", json={"db": key.to_marker(), "sql": "select 1"})
    assert response.status_code == 422
    assert "expected sqlite3.Connection, found str" in response.json()["detail"]
    assert str(key) not in response.text


def test_a_stale_handle_is_gone_and_an_unknown_one_not_found(
    client: TestClient, registry: SessionRefRegistry, db: RegistryKey[Any]
) -> None:
    unknown = RegistryKey.new(sqlite3.Connection)
    registry.remove(db).close()
    for key, status in ((db, 410), (unknown, 404)):
        response = client.post("/query", json={"db": key.to_marker(typed=True), "sql": "select 1"})
        assert response.status_code == status
        assert str(key) not in response.text


def test_openapi_has_one_component_for_each_kind_of_handle(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    asked, answered = schemas["Query"]["properties"]["db"], schemas["Answer"]["properties"]["rows"]
    handles = {name: schema for name, schema in schemas.items() if SESSION_REF_TAG in schema.get("properties", {})}
    assert {asked["$ref"], answered["$ref"]} == {f"#/components/schemas/{name}" for name in handles}
    kinds = {schema["title"]: schema["properties"]["type"]["const"] for schema in handles.values()}
    assert kinds == {
        "Handle of sqlite3.Connection": "sqlite3:Connection",
        "Handle of list[tuple[int]]": RegistryKey.new(list[tuple[int]]).to_marker(typed=True)["type"],
    }


@pytest.mark.parametrize("as_text", [str, lambda key: json.dumps(key.to_marker())], ids=["canonical", "JSON"])
def test_a_handle_may_come_back_as_text(client: TestClient, db: RegistryKey[Any], as_text: Any) -> None:
    response = client.post("/query", json={"db": as_text(db), "sql": "select 1"})
    assert response.status_code == 200


def test_a_dict_that_holds_a_key_is_written_with_its_marker(app: FastAPI, db: RegistryKey[Any]) -> None:
    @app.get("/first")
    def first() -> dict:
        return {"db": db}

    assert TestClient(app).get("/first").json() == {"db": db.to_marker(typed=True)}


def test_the_errors_of_a_union_name_its_members_by_their_tags(app: FastAPI) -> None:
    @app.post("/either")
    def either(ref: RegistryKey[int] | RegistryKey[list[str]]) -> None: ...

    response = TestClient(app).post("/either", json=5)
    assert response.status_code == 422
    told = [error["loc"] for error in response.json()["detail"]]
    assert told == [["body", "builtins:int"], ["body", "builtins:list[builtins:str]"]]
