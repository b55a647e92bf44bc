"""How requests and answers become JSON and back, without botocore's walk through every value of every item.

DynamoDB's JSON of an item is the typed map that its API takes and returns, so there is nothing to convert but binary
values. What is asked, signed, repeated and raised stays botocore's; `client` puts these parts into one.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
from botocore.parsers import JSONParser, ResponseParserFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel, StructureShape
    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.items import Item

__all__ = ["ParserFactory", "TypedMapParser", "UnreadItem", "items_unread", "read_item", "write_by_orjson"]

UnreadItem = msgspec.Raw | dict[str, dict[str, Any]]
"""An item of an answer as it came, or one that had to be read with the whole of it; `read_item` makes them alike."""

_ITEMS_UNREAD: ContextVar[bool] = ContextVar("items_unread", default=False)


@contextmanager
def items_unread(*, unread: bool = True) -> Iterator[None]:
    """Have the Query answers of this thread leave their items `unread`, each for `read_item` when its turn comes.

    A page of items that are read one by one, and let go, stays in the processor's cache: it takes half of the time.
    """
    before = _ITEMS_UNREAD.set(unread)
    try:
        yield
    finally:
        _ITEMS_UNREAD.reset(before)


def read_item(item: UnreadItem) -> Item:
    """Read an item that an answer left unread."""
    if isinstance(item, dict):
        return item
    read: Item = orjson.loads(memoryview(item))
    return read


class _QueryAnswer(msgspec.Struct):
    """A Query's answer around its items, named as there."""

    Items: list[msgspec.Raw]
    Count: int | None = None
    ScannedCount: int | None = None
    LastEvaluatedKey: dict[str, dict[str, str]] | None = None
    ConsumedCapacity: dict[str, Any] | None = None


_query_answers = msgspec.json.Decoder(_QueryAnswer)

_ITEM_OUTPUTS = frozenset(
    f"{operation}Output"
    for operation in (
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "UpdateItem",
    )
)
_TYPED_MAPS = frozenset(("AttributeMap", "BatchGetResponseMap", "ItemList", "ItemResponseList", "Key"))
_BINARY_VALUE = re.compile(rb'"BS?"\s*:')
_LONG_PARTS = {"TransactWriteItems": "TransactItems", "BatchGetItem": "RequestItems"}
"""Operations with the part of their requests that is long."""

_KEPT = "audit_core.part"


class TypedMapParser(JSONParser):
    """botocore's JSON parser, which leaves items as orjson reads them instead of rebuilding them value by value.

    An answer that may hold a binary value, or that orjson refuses, an error, and every operation that returns no items
    are left to botocore; so is everything of an answer beside its items.
    """

    def _handle_json_body(self, raw_body: bytes, shape: StructureShape) -> Any:  # noqa: ANN401 - as in the base class
        if shape.name in _ITEM_OUTPUTS and not _BINARY_VALUE.search(raw_body):
            try:
                if _ITEMS_UNREAD.get() and shape.name == "QueryOutput":
                    body = msgspec.structs.asdict(_query_answers.decode(raw_body))
                else:
                    body = orjson.loads(raw_body)
            except (orjson.JSONDecodeError, msgspec.DecodeError):
                body = None  # botocore's reader takes more, lone surrogates for one
            if isinstance(body, dict):
                return self._around_items(body, shape)
        return super()._handle_json_body(raw_body, shape)  # type: ignore[misc] # the stubs leave it out

    def _around_items(self, body: dict[str, Any], shape: StructureShape) -> dict[str, Any]:
        parse: Callable[[Any, Any], Any] = self._parse_shape  # type: ignore[attr-defined] # the stubs leave it out
        return {
            name: body[name] if member.name in _TYPED_MAPS else parse(member, body[name])
            for name, member in shape.members.items()
            if body.get(name) is not None
        }


class ParserFactory(ResponseParserFactory):
    """Gives a botocore session the parser above (its `response_parser_factory`)."""

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401 - as in the base class
        """Return a parser for a protocol."""
        return TypedMapParser() if protocol_name == "json" else super().create_parser(protocol_name)


def write_by_orjson(client: DynamoDBClient) -> None:
    """Have a client write long lists of items and keys by orjson: a batch of fifty takes a sixth of the time.

    botocore builds the request around an empty part, and the part goes in before it is signed. What orjson cannot
    write, such as binary values, takes botocore's way.
    """
    events = client.meta.events
    for operation in _LONG_PARTS:
        events.register(f"provide-client-params.dynamodb.{operation}", _take_part)  # type: ignore[arg-type] # the stubs: None
        events.register(f"before-call.dynamodb.{operation}", _put_part)


def _take_part(
    *, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: object
) -> dict[str, Any] | None:
    name = _LONG_PARTS[model.name]
    try:
        context[_KEPT] = name, orjson.dumps(params[name])
    except orjson.JSONEncodeError:
        return None
    return {**params, name: type(params[name])()}


def _put_part(*, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Put back what was taken; `params` is the request, serialised and not yet signed."""
    if _KEPT in context:
        name, written = context.pop(_KEPT)
        params["body"] = orjson.dumps({**orjson.loads(params["body"]), name: orjson.Fragment(written)})
