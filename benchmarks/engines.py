"""What the integrations cost: ``python -m benchmarks engines``.

Each case is run with liveref and without, on a payload that has no live reference in it. In each round both run
once, in turns, and the ratio of the two times is taken: what is told is the median of the ratios and their
quartiles. So no figure is a claim in seconds.
"""

from __future__ import annotations

import dataclasses
import gc
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import thread_time
from typing import Final
from uuid import UUID

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from benchmarks.rows import Row
from liveref.integrations.langgraph import LiveRefSerializer

ROUNDS: Final = 201
VERSION: Final = "00000000000000000000000000000003.0"


@dataclasses.dataclass(frozen=True)
class Case:
    """The same work with liveref and without, and what the ratio should be at most."""

    name: str
    ours: Callable[[], object]
    plain: Callable[[], object]
    limit: float | None = None

    def ratios(self, rounds: int) -> list[float]:
        """One ratio a round; who goes first changes from round to round."""
        found: list[float] = []
        for number in range(rounds):
            calls = (self.ours, self.plain) if number % 2 else (self.plain, self.ours)
            times = {call: seconds(call) for call in calls}
            found.append(times[self.ours] / times[self.plain])
        return found


def seconds(call: Callable[[], object]) -> float:
    """What one call takes, without freeing what it gave."""
    start = thread_time()
    given = call()
    end = thread_time()
    del given
    return end - start


@dataclasses.dataclass
class Plan:
    """An object of the user's own in the state."""

    steps: list[str]
    done: int


def agent_checkpoint() -> Checkpoint:
    """What a LangGraph agent has in its state: messages, documents that it found, and some values of its own."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {
        "messages": [message for number in range(20) for message in turn(number)],
        "documents": [{"id": number, "text": "lorem ipsum " * 40, "score": number / 7} for number in range(50)],
        "plan": Plan(["search", "read", "answer"], 1),
        "started": datetime(2026, 11, 1, tzinfo=UTC),
        "run": UUID(int=7),
    }
    checkpoint["channel_versions"] = dict.fromkeys(checkpoint["channel_values"], VERSION)
    return checkpoint


def turn(number: int) -> Iterator[HumanMessage | AIMessage]:
    """A question and an answer."""
    yield HumanMessage(f"What about {number}? " * 5, id=f"human-{number}")
    call = {"name": "search", "args": {"query": str(number)}, "id": f"call-{number}"}
    yield AIMessage("It depends. " * 20, id=f"ai-{number}", tool_calls=[call])


def json_checkpoint() -> Checkpoint:
    """A state of plain values alone."""
    checkpoint = empty_checkpoint()
    rows = [
        {f"field{field}": (number, "text", [1.5, None])[field % 3] for field in range(10)} for number in range(1000)
    ]
    checkpoint["channel_values"] = {"rows": rows}
    checkpoint["channel_versions"] = {"rows": VERSION}
    return checkpoint


def langgraph() -> list[Case]:
    """The serializer beside the one inside of it."""
    inner = JsonPlusSerializer(allowed_msgpack_modules=[Plan])
    modes = {
        "explicit": LiveRefSerializer(inner=inner),
        "transparent": LiveRefSerializer(inner=inner, live=[sqlite3.Connection]),
    }
    states = {"agent": agent_checkpoint(), "plain JSON": json_checkpoint()}
    cases: list[Case] = []
    for mode, serde in modes.items():
        for state, checkpoint in states.items():
            name = f"langgraph, {mode}: checkpoint of {state}"
            cases += [
                Case(
                    f"{name}, write and read",
                    there_and_back(serde, checkpoint),
                    there_and_back(inner, checkpoint),
                    1.15,
                ),
                Case(f"{name}, write", written(serde, checkpoint), written(inner, checkpoint)),
                Case(f"{name}, saver", saved(serde, checkpoint), saved(inner, checkpoint), 1.15),
            ]
    return cases


def written(serde: SerializerProtocol, checkpoint: Checkpoint) -> Callable[[], object]:
    """Writes a checkpoint."""
    return lambda: serde.dumps_typed(checkpoint)


def there_and_back(serde: SerializerProtocol, checkpoint: Checkpoint) -> Callable[[], object]:
    """Writes a checkpoint and reads it."""
    return lambda: serde.loads_typed(serde.dumps_typed(checkpoint))


def saved(serde: SerializerProtocol, checkpoint: Checkpoint) -> Callable[[], object]:
    """Puts a checkpoint into a saver and gets it back."""
    config = RunnableConfig(configurable={"thread_id": "1", "checkpoint_ns": ""})
    metadata = CheckpointMetadata(source="loop", step=1, parents={})

    def put_and_get() -> object:
        saver = InMemorySaver(serde=serde)
        return saver.get_tuple(saver.put(config, checkpoint, metadata, checkpoint["channel_versions"]))

    return put_and_get


ENGINES: Final = (langgraph,)
"""One function an engine, which gives its cases."""


def rows(*, quick: bool) -> Iterator[Row]:
    """A row a case."""
    for case in [case for engine in ENGINES for case in engine()]:
        gc.collect()
        gc.disable()
        ratios = case.ratios(21 if quick else ROUNDS // 2)
        gc.enable()
        yield Row.of("engines", case.name, ratios, "without liveref", target=case.limit)
