"""Ray: homes are actors, and any task, actor or driver of the cluster reaches their refs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from liveref._engine.base import RefEngine
from liveref._engine.calls import Gone, Silent
from liveref._engine.home import draw
from liveref._engine.wire import Packet, Request, pack, unpack
from liveref._text.route import Route

try:
    import ray
    from ray.exceptions import ActorDiedError, GetTimeoutError, ObjectLostError, RayActorError, RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from liveref.integrations import _ray as actors
    from liveref.integrations._ray import NAMESPACE, Host, Moves, is_connected, named, require_connection, shipped
except ImportError as _error:
    raise ImportError("ray is missing: pip install 'liveref[ray]'") from _error

__all__ = ["RayEngine"]

_ray: Final[Any] = ray  # Any: of its functions and actors Ray leaves the generics bare

_GROUPS: Final = {"lookup": 8, "live": 64, "control": 4}
_QUICK: Final = 2.0  # seconds for what is asked beside a call


class RayEngine(RefEngine):
    """An engine whose homes are actors of a Ray cluster.

    It connects to a cluster, as ``ray.init()`` does, only where the process has no connection yet.

    Args:
        hosts: how many homes to start, spread over the nodes; none where others have started them.
        node_ids: nodes on which to start one each, besides.
        detached: they outlive this job, and this engine.
        imports: modules that they import first, for what recipes and serializers register.
        timeout: seconds for a call.

    Raises:
        EngineError: this process was forked from one that was connected to Ray, as its later calls do too.
    """

    def __init__(
        self,
        *,
        hosts: int = 0,
        node_ids: Sequence[str] = (),
        detached: bool = False,
        imports: Sequence[str] = (),
        timeout: float = 10.0,
    ) -> None:
        super().__init__(timeout)
        if not is_connected():
            _ray.init()
        self._actors: Final[dict[int, Any]] = {}  # Any: Ray makes the types of actors
        self._answers: Final[dict[tuple[int, str], Any]] = {}  # of each group of threads that answers
        self._started: Final[list[int]] = []
        self._detached: Final = detached
        for node in [*actors.spread(hosts), *node_ids]:
            self._start(NodeAffinitySchedulingStrategy(node, soft=False), list(imports))
        for number in self._started:
            _ray.get(self._actors[number].answer.remote(shipped(pack(Request("hello", (), None)))))

    def _start(self, place: object, imports: list[str]) -> None:
        host = _ray.remote(concurrency_groups=_GROUPS, num_cpus=0, max_restarts=0, max_task_retries=0)(Host)
        number = draw(self._actors.__contains__)
        options = {"name": Host.name(number), "namespace": NAMESPACE, "scheduling_strategy": place}
        if self._detached:
            options["lifetime"] = "detached"
        try:
            self._actors[number] = host.options(**options).remote(number, imports)
        except ValueError:  # the number is taken
            self._start(place, imports)
            return
        self._started.append(number)

    def _send(self, home: int, group: str, packet: Packet, timeout: float) -> Packet:
        require_connection()
        try:
            reply: Packet = _ray.get(self._submit(home, group, packet, timeout), timeout=timeout)
        except ValueError as error:
            raise Gone("there is no such home") from error
        except (ActorDiedError, ObjectLostError) as error:
            raise Gone("it has died") from error
        except GetTimeoutError as error:
            raise Silent("no answer") from error
        except RayActorError as error:
            raise Silent("it can't be reached") from error
        return reply

    def _submit(self, home: int, group: str, packet: Packet, timeout: float) -> Any:  # Any: see _ray
        try:
            answer = self._answers.get((home, group)) or self._way_to(home, group, timeout)
            return answer.remote(shipped(packet))
        except Exception as error:
            if type(error) is not Exception:
                raise
            return self._way_to(home, group, timeout, anew=True).remote(shipped(packet))  # nothing was sent

    def _way_to(self, home: int, group: str, timeout: float, *, anew: bool = False) -> Any:  # Any: see _ray
        """The method of an actor, in one of its groups of threads; to make it takes a tenth of a call."""
        # The handle of an earlier connection is kept: an actor ends with its first handle.
        actor = (None if anew else self._actors.get(home)) or named(Host.name(home), timeout)
        self._answers[home, group] = actor.answer.options(concurrency_group=group)
        return self._answers[home, group]

    def _find_homes(self) -> dict[int, str]:
        require_connection()
        return {number: self._hello(number) for number in actors.numbers(self.timeout)}

    def _hello(self, number: int) -> str:
        try:
            answer: Any = unpack(self._send(number, "control", pack(Request("hello", (), None)), _QUICK))
        except (Gone, Silent):
            return f"home {number:06x}"
        return str(answer.value)

    def _moved_to(self, route: Route) -> Route | None:
        try:
            require_connection()
            shard = named(Moves.name(route), _QUICK)
            moved: Route | None = _ray.get(shard.find.remote(route), timeout=_QUICK)
        except (Silent, ValueError, RayError):
            return None
        return moved

    def _note_moves(self, routes: Sequence[Route], to: Route) -> None:
        for route in routes:
            options = {"name": Moves.name(route), "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
            shard = _ray.remote(num_cpus=0)(Moves).options(**options).remote()
            _ray.get(shard.note.remote([route], to))

    def _stop(self) -> None:
        for number in self._started if is_connected() and not self._detached else ():
            with suppress(RayError, ValueError, Silent):  # ValueError: it ended with the connection that started it
                actor = named(Host.name(number), self.timeout)
                with suppress(RayError):
                    _ray.get(actor.close.options(concurrency_group="live").remote(), timeout=self.timeout)
                _ray.kill(actor)
