"""The table of FORMAT 1 as a description: the names of its keys and indexes, and the template to create it on AWS.

Names of a record's other attributes are in `items`; asking an engine for the table is the job of `schema`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    "KEY_TYPES",
    "NS_TENANT",
    "SEQUENCE_NUMBER",
    "TTL_ATTRIBUTE",
    "Index",
    "cloudformation_template",
    "table_description",
]

ID = "id"
NS_TENANT = "ns_tenant"
DISPATCHED_AT_MS = "dispatched_at_ms"
SEQUENCE_NUMBER = "sequence_number"
ACTION_ID = "action_id"
TTL_ATTRIBUTE = "expires_at_ttl"
FENCE_MARK = "_fence"

INDEX_TIME = "ns_tenant_dispatched"
INDEX_SEQUENCE = "ns_tenant_sequence"
INDEX_ACTION = "action_id_index"

KEY_TYPES = {ID: "S", NS_TENANT: "S", DISPATCHED_AT_MS: "N", SEQUENCE_NUMBER: "N", ACTION_ID: "S"}


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index with projection ALL: its name, its partition key and its sort key."""

    name: str
    partition: str
    sort: str

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Return its keys in order, each with its role."""
        return ((self.partition, "HASH"), (self.sort, "RANGE"))


INDEXES = (
    Index(INDEX_TIME, NS_TENANT, DISPATCHED_AT_MS),
    Index(INDEX_SEQUENCE, NS_TENANT, SEQUENCE_NUMBER),
    Index(INDEX_ACTION, ACTION_ID, DISPATCHED_AT_MS),
)


def table_description(table_name: str) -> dict[str, Any]:
    """Return the table as `CreateTable` and CloudFormation both take it; TTL and the protections are set apart."""
    return {
        "TableName": table_name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": type_} for name, type_ in sorted(KEY_TYPES.items())
        ],
        "KeySchema": [{"AttributeName": ID, "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index.name,
                "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role in index.keys],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in INDEXES
        ],
    }


def cloudformation_template(settings: Settings) -> str:
    """Return a CloudFormation template (JSON) for the table, protected against deletion and with its backups on."""
    properties = {
        **table_description(settings.audit.table_name),
        "TimeToLiveSpecification": {"AttributeName": TTL_ATTRIBUTE, "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "DeletionProtectionEnabled": True,
    }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The table of an audit trail: hash-chained records and their fences.",
        "Resources": {
            "AuditTable": {
                "Type": "AWS::DynamoDB::Table",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": properties,
            }
        },
        "Outputs": {"AuditTableArn": {"Value": {"Fn::GetAtt": ["AuditTable", "Arn"]}}},
    }
    return json.dumps(template, indent=2) + "\n"
