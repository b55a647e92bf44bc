"""The embedded engine: moto's DynamoDB behind HTTP on a free loopback port, inside this process.

It is for the first five minutes, unit tests and demos: in memory, gone when the process ends, made for a few thousand
records. Filling it with demo data is left to `demo`, refusing large imports to `importers`.
"""

from __future__ import annotations

import atexit
import copy
import threading
from typing import TYPE_CHECKING, Any

from audit_core.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.serving import BaseWSGIServer

__all__ = ["EMBEDDED_ITEM_LIMIT", "WAY_OUT", "EmbeddedEngine", "start_embedded"]

EMBEDDED_ITEM_LIMIT = 5000
"""Records that it is meant to hold at most: a query sorts all of its partition, some 0.1 ms a record."""

WAY_OUT = (
    "Start DynamoDB Local, by docker compose --profile dynamodb up, or by Java 17 and Maven (README.md tells how), "
    "then this program with AUDIT__URL=http://localhost:8000."
)
"""What to do where this engine does not do; shown as plain text."""

_HOST = "127.0.0.1"
_STALLED_SECONDS = 10


class EmbeddedEngine:
    """A running engine: where it answers, and the lock that lets one writer at a time work on it.

    Requests are served one by one, since moto's transactions are not safe against each other. `lock` is for a writer
    to hold from reading a chain's tip to its commit, so that writers of this process take turns instead of racing.

    moto keeps its tables once for the whole process, not for each server: stores are kept apart by their table's name.
    """

    def __init__(self, server: BaseWSGIServer) -> None:
        self.lock = threading.RLock()
        self.endpoint_url = f"http://{_HOST}:{server.server_port}"
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="embedded-dynamodb", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it answers; once closed it stays closed."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop answering, release the port and forget every table of the process; closing twice is fine."""
        if self.is_running:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            _forget_tables()


_running: EmbeddedEngine | None = None
_starting = threading.Lock()


def start_embedded() -> EmbeddedEngine:
    """Return this process's embedded engine, started at the first call, or anew and empty after it was closed.

    Raises `EngineError` when it cannot be started. The first start takes about a second.
    """
    global _running  # noqa: PLW0603 - there is one moto to a process, so one engine
    with _starting:
        if _running is None or not _running.is_running:
            try:
                server = _make_server()
            except (ImportError, OSError) as error:
                message = (
                    f"The embedded engine cannot be started: {error}. Install the packages of requirements.txt, or "
                    "use DynamoDB Local (`docker compose --profile dynamodb up`) with `url` in [audit]."
                )
                raise EngineError(message) from error
            _running = EmbeddedEngine(server)
            atexit.register(_running.close)
        return _running


def _make_server() -> BaseWSGIServer:
    # Imported here: together they take more time than all the rest of this package.
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):
        timeout = _STALLED_SECONDS  # a connection that sends nothing must not keep its thread for ever

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401 - as in the base class
            """Keep requests out of the program's output."""

    _keep_no_instances()
    _share_items_between_copies(Table, DynamoDBBackend)
    _send_plain_values_as_they_are()
    application = DomainDispatcherApplication(create_backend_app)
    one_request = threading.Lock()

    def one_at_a_time(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        with one_request:
            answer: Iterable[bytes] = application(environ, start_response)
            return answer

    return make_server(_HOST, 0, one_at_a_time, threaded=True, request_handler=Handler)


def _share_items_between_copies(table: type[Any], backend: type[Any]) -> None:
    """Make a copy of a moto table cheap, which moto takes before each transaction to roll back to.

    moto copies every item of the table: 0.75 s for one append at 6,000 records. The copy needs its own map of items,
    so that what a transaction puts or deletes is undone, but it can share the items themselves as long as nothing
    changes one in place. Put and Delete do not; Update does, so it is given an item of its own to change.
    """
    from moto.dynamodb.models.dynamo_type import DynamoType

    if "__deepcopy__" in vars(table):
        return
    update = backend.update_item

    def copy_table(self: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401 - moto's table
        clone = self.__class__.__new__(self.__class__)
        memo[id(self)] = clone
        for name, value in vars(self).items():
            clone.__dict__[name] = copy.copy(value) if name == "items" else copy.deepcopy(value, memo)
        return clone

    def update_own_item(self: Any, table_name: str, key: dict[str, Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - moto's update_item
        stored = self.get_table(table_name)
        place = DynamoType(key[stored.hash_key_attr]) if stored.hash_key_attr in key else None
        if place in stored.items:
            stored.items[place] = copy.deepcopy(stored.items[place])
        return update(self, table_name, key, *args, **options)

    table.__deepcopy__ = copy_table
    backend.update_item = update_own_item


class _NoInstances(list[Any]):
    """A list that stays empty."""

    def append(self, instance: object) -> None:
        """Let the instance go."""


def _keep_no_instances() -> None:
    """Stop moto from keeping every object of its DynamoDB for ever, which it does for a reset that is not used here.

    Each query copies the items that it returns and each transaction the table, so a server in use would only grow.
    """
    from moto.core.model_instances import model_data

    for model in model_data["dynamodb"].values():
        model.instances_tracked = _NoInstances()  # type: ignore[attr-defined] # set by moto's metaclass


def _is_plain(typed: object) -> bool:
    """Whether a typed value is, as it stands, what goes over the wire."""
    if not isinstance(typed, dict) or len(typed) != 1:
        return False
    kind, value = next(iter(typed.items()))
    return type(value) is bool if kind == "BOOL" else kind in {"S", "N"} and type(value) is str


def _send_plain_values_as_they_are() -> None:
    """Spare moto's answers the search for the type of each value, which took most of the time of a query."""
    from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer

    class ItemSerializer(JSONSerializer):
        def _serialize_type_map(self, serialized: Any, value: Any, shape: Any, key: str) -> None:  # noqa: ANN401 - as in the base class
            if shape.name == "AttributeMap" and all(map(_is_plain, value.values())):
                self._default_serialize(serialized, value, shape, key)
            else:
                super()._serialize_type_map(serialized, value, shape, key)

    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": ItemSerializer}


def _forget_tables() -> None:
    from moto.dynamodb.models import dynamodb_backends

    for account in dynamodb_backends.values():
        account.reset()
