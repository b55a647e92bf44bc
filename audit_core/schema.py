"""The table on an engine: its making where that is local, and how an existing one differs from FORMAT 1.

What the table looks like is described in `tablelayout`, whose names are also here. What a difference means for a page
is left to the caller.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from audit_core.client import engine_errors
from audit_core.errors import EngineError, TableMismatchError, WriteRefusedError
from audit_core.tablelayout import (
    ACTION_ID,
    DISPATCHED_AT_MS,
    FENCE_MARK,
    ID,
    INDEX_ACTION,
    INDEX_SEQUENCE,
    INDEX_TIME,
    INDEXES,
    KEY_TYPES,
    NS_TENANT,
    SEQUENCE_NUMBER,
    TTL_ATTRIBUTE,
    Index,
    cloudformation_template,
    table_description,
)
from audit_core.timestamps import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from audit_core.settings import Settings

__all__ = [
    "ACTION_ID",
    "DISPATCHED_AT_MS",
    "FENCE_MARK",
    "ID",
    "INDEXES",
    "INDEX_ACTION",
    "INDEX_SEQUENCE",
    "INDEX_TIME",
    "NS_TENANT",
    "SEQUENCE_NUMBER",
    "TTL_ATTRIBUTE",
    "Difference",
    "Index",
    "check_table",
    "check_ttl",
    "cloudformation_template",
    "create_table",
    "ensure_table",
    "made_when",
    "open_table",
    "table_description",
]

ACTIVE_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.1
_UNKNOWN_OPERATION = "UnknownOperationException"
_NOT_KNOWN = "not known here"


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a table differs from FORMAT 1: what of it, expected, found, and how to mend it.

    `breaks_queries` stops start-up. `information` marks what says nothing about the table: on a local engine,
    protection that only AWS has.
    """

    item: str
    expected: str
    found: str
    mend: str
    breaks_queries: bool = False
    information: bool = False

    def __str__(self) -> str:
        """Return the difference as one sentence and its mend."""
        return f"{self.item}: expected {self.expected}, found {self.found}. {self.mend}"


def create_table(client: DynamoDBClient, settings: Settings) -> bool:
    """Make the table with its indexes and TTL on a local engine; True when this call made it.

    An existing table is left as it is but for a TTL that is off, and several processes may do this at once. Raises
    `WriteRefusedError` on AWS, where nothing is ever created (FORMAT 1), and `EngineError`.
    """
    name = settings.audit.table_name
    if not settings.is_local:
        message = (
            f"Table {name} is not created on {settings.engine_label}. Create it from the template that "
            "`python -m audit_core init-table` prints."
        )
        raise WriteRefusedError(message)
    with engine_errors(settings):
        made = _unless("ResourceInUseException", lambda: client.create_table(**table_description(name)))
        _wait_until_active(client, name)
        if client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
            # Another process may have been quicker: then it is refused as already enabled.
            _unless(
                "ValidationException",
                lambda: client.update_time_to_live(
                    TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
                ),
            )
    return made


def check_table(client: DynamoDBClient, settings: Settings) -> tuple[Difference, ...]:
    """Return every difference between the table and FORMAT 1, the ones that break queries first.

    On a local engine deletion protection, point-in-time recovery and replicas protect nothing; where they can be asked
    for and are off, or are not known there, they come as `information`. Raises `TableMissingError` and `EngineError`.
    """
    return _check(_describe(client, settings), client, settings)


def check_ttl(client: DynamoDBClient, settings: Settings) -> Difference | None:
    """Return how the table's TTL differs from FORMAT 1, None where it does not. Raises as `check_table`."""
    with engine_errors(settings):
        return next(_lifetime_differences(client, settings), None)


def ensure_table(client: DynamoDBClient, settings: Settings) -> tuple[Difference, ...]:
    """See to it that the table can be used, and return the differences that only warn. Raises as `open_table`."""
    return open_table(client, settings)[1]


def open_table(client: DynamoDBClient, settings: Settings) -> tuple[str, tuple[Difference, ...]]:
    """See to it that the table can be used; return `made_when` of it, and the differences that only warn.

    On a local engine it is made where it is missing; on AWS nothing is ever created (FORMAT 1). Raises
    `TableMissingError`, and `TableMismatchError` that names everything that breaks a query.
    """
    if settings.is_local:
        create_table(client, settings)
    table = _describe(client, settings)
    differences = _check(table, client, settings)
    breaking = [str(difference) for difference in differences if difference.breaks_queries]
    if breaking:
        message = f"Table {settings.audit.table_name} cannot be read as it is. " + " ".join(breaking)
        raise TableMismatchError(message)
    return _made_when(table), tuple(difference for difference in differences if not difference.information)


def made_when(client: DynamoDBClient, settings: Settings) -> str:
    """Return what tells the table from any other of its name: by whose account it was made, and when.

    Raises `TableMissingError` and `EngineError`.
    """
    return _made_when(_describe(client, settings))


def _made_when(table: Mapping[str, Any]) -> str:
    return f"{table.get('TableArn', '')} {Timestamp.from_datetime(table['CreationDateTime']).normalised}"


def _describe(client: DynamoDBClient, settings: Settings) -> Mapping[str, Any]:
    """Ask for the table's description, for which DynamoDB Local goes through the whole table."""
    with engine_errors(settings):
        return client.describe_table(TableName=settings.audit.table_name)["Table"]


def _check(table: Mapping[str, Any], client: DynamoDBClient, settings: Settings) -> tuple[Difference, ...]:
    with engine_errors(settings):
        differences = [
            *_key_differences(table, settings),
            *_index_differences(table, settings),
            *_state_differences(table, settings),
            *_lifetime_differences(client, settings),
            *_backup_differences(client, settings),
        ]
    return tuple(sorted(differences, key=lambda difference: (not difference.breaks_queries, difference.information)))


def _unless(code: str, call: Callable[[], object]) -> bool:
    """Whether the call succeeded; False when it failed with that code, any other error is raised."""
    try:
        call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == code:
            return False
        raise
    return True


def _wait_until_active(client: DynamoDBClient, name: str) -> None:
    give_up = time.monotonic() + ACTIVE_TIMEOUT_SECONDS
    while True:
        table = client.describe_table(TableName=name)["Table"]
        indexes = table.get("GlobalSecondaryIndexes", [])
        states = [table["TableStatus"], *(index.get("IndexStatus", "ACTIVE") for index in indexes)]
        if all(state in {"ACTIVE", "UPDATING"} for state in states):
            return
        if time.monotonic() > give_up:
            message = f"Table {name} is still not active after {ACTIVE_TIMEOUT_SECONDS} seconds. Try again later."
            raise EngineError(message)
        time.sleep(_POLL_SECONDS)


def _keys_in_words(schema: list[Mapping[str, str]], types: Mapping[str, str]) -> str:
    return " / ".join(f"{key['AttributeName']} ({types.get(key['AttributeName'], '?')})" for key in schema) or "none"


def _types(table: Mapping[str, Any]) -> dict[str, str]:
    return {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}


def _schema_in_words(keys: tuple[tuple[str, str], ...]) -> str:
    return _keys_in_words([{"AttributeName": name} for name, _ in keys], KEY_TYPES)


def _key_differences(table: Mapping[str, Any], settings: Settings) -> Iterator[Difference]:
    expected = _schema_in_words(((ID, "HASH"),))
    found = _keys_in_words(table["KeySchema"], _types(table))
    if found != expected:
        yield Difference(
            item="key",
            expected=f"{expected} alone",
            found=found,
            mend="A key cannot be changed: make a new table "
            f"(`python -m audit_core init-table`) and name it by `table_name` instead of {settings.audit.table_name}.",
            breaks_queries=True,
        )


def _index_differences(table: Mapping[str, Any], settings: Settings) -> Iterator[Difference]:
    present = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", [])}
    if settings.is_local:
        remake = "Delete this local table and restart to have it made anew."
    else:
        remake = "{} it with these keys and projection ALL, as in what `python -m audit_core init-table` prints."
    for index in INDEXES:
        item, expected = f"index {index.name}", _schema_in_words(index.keys)
        found = present.get(index.name)
        if found is None:
            yield Difference(item, expected, "no such index", remake.format("Add"), breaks_queries=True)
            continue
        keys = _keys_in_words(sorted(found["KeySchema"], key=lambda key: key["KeyType"]), _types(table))
        if keys != expected:
            yield Difference(item, expected, keys, remake.format("Delete and add"), breaks_queries=True)
        projection = found["Projection"].get("ProjectionType", "none")
        if projection != "ALL":
            yield Difference(
                f"{item}, projection", "ALL", projection, remake.format("Delete and add"), breaks_queries=True
            )
        status = found.get("IndexStatus", "ACTIVE")
        if status not in {"ACTIVE", "UPDATING"}:
            wait = "Wait until it is built." if status == "CREATING" else remake.format("Add")
            yield Difference(f"{item}, status", "ACTIVE", status, wait, breaks_queries=True)


def _state_differences(table: Mapping[str, Any], settings: Settings) -> Iterator[Difference]:
    name, local = settings.audit.table_name, settings.is_local
    if table["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        wait = "Wait until it is active, or look at the table in the AWS console."
        yield Difference("status", "ACTIVE", table["TableStatus"], wait, breaks_queries=True)
    billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if billing != "PAY_PER_REQUEST":
        mend = f"Run `aws dynamodb update-table --table-name {name} --billing-mode PAY_PER_REQUEST`."
        yield Difference("billing", "PAY_PER_REQUEST", billing, mend, information=local)
    if not table.get("DeletionProtectionEnabled", False):
        mend = f"Run `aws dynamodb update-table --table-name {name} --deletion-protection-enabled`."
        yield Difference("deletion protection", "on", "off", mend, information=local)
    others = [
        replica["RegionName"]
        for replica in table.get("Replicas", [])
        if replica.get("RegionName") not in {None, settings.audit.region}
    ]
    if others:
        yield Difference(
            "global table",
            "no replica",
            f"replicas in {', '.join(sorted(others))}",
            f"Let nobody write chains in any Region but {settings.audit.region}: the last writer wins between Regions, "
            "and records are lost.",
            information=local,
        )


def _lifetime_differences(client: DynamoDBClient, settings: Settings) -> Iterator[Difference]:
    name = settings.audit.table_name
    expected = f"on, attribute {TTL_ATTRIBUTE}"
    asked = _ask(lambda: client.describe_time_to_live(TableName=name))
    if isinstance(asked, str):
        mend = "Allow dynamodb:DescribeTimeToLive on the table, so that it can be checked."
        yield Difference("TTL", expected, asked, mend)
        return
    described = asked["TimeToLiveDescription"]
    status, attribute = described["TimeToLiveStatus"], described.get("AttributeName")
    if status not in {"ENABLED", "ENABLING"}:
        mend = f"Run `aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification "
        mend += f"Enabled=true,AttributeName={TTL_ATTRIBUTE}`; until then nothing expires."
        yield Difference("TTL", expected, f"off ({status})", mend)
    elif attribute != TTL_ATTRIBUTE:
        mend = f"Switch TTL off and on again for {TTL_ATTRIBUTE}; until then records expire by the wrong attribute, "
        mend += "or not at all."
        yield Difference("TTL", expected, f"on, attribute {attribute}", mend)


def _backup_differences(client: DynamoDBClient, settings: Settings) -> Iterator[Difference]:
    name = settings.audit.table_name
    item, expected, local = "point-in-time recovery", "on", settings.is_local
    asked = _ask(lambda: client.describe_continuous_backups(TableName=name))
    if isinstance(asked, str):
        mend = "Allow dynamodb:DescribeContinuousBackups on the table, so that it can be checked."
        if asked == _NOT_KNOWN:
            mend = "This engine has no backups; a table on AWS is checked for them."
        yield Difference(item, expected, asked, mend, information=local)
        return
    recovery = asked["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        mend = f"Run `aws dynamodb update-continuous-backups --table-name {name} "
        mend += "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`."
        yield Difference(item, expected, "off", mend, information=local)


def _ask(call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | str:
    """Return the answer, or in words why there is none: a reader may lack a permission, an engine the operation."""
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code == _UNKNOWN_OPERATION:
            return _NOT_KNOWN
        if code in {"AccessDeniedException", "AccessDenied"}:
            return "not allowed to look"
        raise
