from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from audit_core.cloudtrail import event_record
from audit_core.jsontext import parse_exact
from tests.builders import ACCOUNT, event

if TYPE_CHECKING:
    from audit_core.records import AuditRecord


def taken_in(held: dict[str, Any], tenant_field: str = "recipientAccountId") -> AuditRecord:
    return event_record(parse_exact(json.dumps(held)), tenant_field)


def test_an_event_becomes_a_record() -> None:
    made = taken_in(event())
    assert made.id == made.action_id == "875240ac-e821-4fc6-a311-8c352a1d20f5"
    assert (made.namespace, made.tenant) == ("aws", ACCOUNT)
    assert (made.provider, made.action_type) == ("s3.amazonaws.com", "GetObject")
    assert made.dispatched_at.text == made.completed_at.text == "2023-07-10T11:42:18Z"
    assert made.duration_ms == 0
    assert (made.verdict, made.outcome) == ("allow", "executed")
    assert made.caller_id == "arn:aws:iam::1:user/ann"
    assert made.action_payload == '{"bucketName":"evidence"}'
    assert made.outcome_details == "null"
    assert made.expires_at is None


def test_every_field_that_no_attribute_took_is_metadata() -> None:
    held = event(additionalEventData={"x": [1.0, {}]}, tlsDetails={"tlsVersion": "TLSv1.3"})
    assert json.loads(taken_in(held).metadata) == {
        name: held[name]
        for name in ("eventVersion", "userIdentity", "awsRegion", "readOnly", "additionalEventData", "tlsDetails")
    }


def test_the_text_of_a_number_is_kept() -> None:
    raw = """{ "eventID": "e", "eventTime": "2023-07-10T11:42:18Z", "eventSource": "s", "eventName": "n", "x": -0,
        "requestParameters": { "a" : 1.0, "b" : [123456789012345678901234567890, 1E5] } }"""
    made = event_record(parse_exact(raw), "recipientAccountId")
    assert made.action_payload == '{"a":1.0,"b":[123456789012345678901234567890,1E5]}'
    assert made.metadata == '{"x":-0}'


@pytest.mark.parametrize("parameters", [None, "absent"])
def test_no_parameters_mean_no_payload(parameters: str | None) -> None:
    held = {**event(), "requestParameters": None}
    if parameters == "absent":
        del held["requestParameters"]
    assert taken_in(held).action_payload is None


@pytest.mark.parametrize("parameters", [{}, [], "", 0, False], ids=repr)
def test_empty_parameters_are_a_payload(parameters: object) -> None:
    assert taken_in(event(requestParameters=parameters)).action_payload == json.dumps(parameters)


def test_an_error_and_what_was_answered_are_outcome_details() -> None:
    made = taken_in(event(errorCode="NoSuchTagSet", errorMessage="none", responseElements={"x": 1}))
    assert made.outcome == "failed"
    assert made.verdict == "allow"
    assert json.loads(made.outcome_details) == {
        "errorCode": "NoSuchTagSet",
        "errorMessage": "none",
        "responseElements": {"x": 1},
    }


@pytest.mark.parametrize(
    "code",
    [
        "AccessDenied",
        "AccessDeniedException",
        "Client.AccessDenied",
        "UnauthorizedOperation",
        "Client.UnauthorizedOperation",
        "Server.UnauthorizedOperation",
        "KMSAccessDeniedException",
        "accessDenied",
        "ACCESS_DENIED",
    ],
)
def test_access_denied_in_any_spelling_is_a_denial(code: str) -> None:
    made = taken_in(event(errorCode=code))
    assert (made.verdict, made.outcome) == ("deny", "failed")


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "NoSuchBucketPolicy", "Client.InvalidVpcID.NotFound", "AccessPointDenied"]
)
def test_another_error_is_a_failure_of_what_was_allowed(code: str) -> None:
    made = taken_in(event(errorCode=code))
    assert (made.verdict, made.outcome) == ("allow", "failed")


@pytest.mark.parametrize(
    ("identity", "caller"),
    [
        ({"arn": "arn:x", "principalId": "AIDA", "invokedBy": "svc"}, "arn:x"),
        ({"arn": None, "principalId": "AIDA", "invokedBy": "svc"}, "AIDA"),
        ({"arn": "", "invokedBy": "ec2.amazonaws.com"}, "ec2.amazonaws.com"),
        ({"type": "AWSService"}, ""),
        (None, ""),
        ("root", ""),
    ],
)
def test_the_caller_is_the_first_that_the_identity_names(identity: object, caller: str) -> None:
    held = {**event(), "userIdentity": identity}
    assert taken_in(held).caller_id == caller


@pytest.mark.parametrize(
    ("tenant_field", "tenant"),
    [
        ("awsRegion", "eu-central-1"),
        ("userIdentity.arn", "arn:aws:iam::1:user/ann"),
        ("userIdentity.nowhere", "unknown"),
        ("userIdentity.arn.deeper", "unknown"),
        ("nowhere", "unknown"),
        ("vpcEndpointId", "unknown"),
        ("readOnly", "true"),
        ("count", "1.0"),
    ],
)
def test_the_tenant_comes_from_the_field_that_is_named(tenant_field: str, tenant: str) -> None:
    held = {**event(vpcEndpointId="", count=1.0)}
    assert taken_in(held, tenant_field).tenant == tenant


def test_with_another_tenant_field_the_account_stays_in_the_metadata() -> None:
    metadata = json.loads(taken_in(event(), "awsRegion").metadata)
    assert metadata["recipientAccountId"] == ACCOUNT
    assert "awsRegion" not in metadata
    assert "awsRegion" in json.loads(taken_in(event(), "userIdentity.accountId").metadata)


def test_a_field_that_is_only_named_like_the_path_is_kept() -> None:
    held = {**event(), "a.b": "left alone"}
    made = taken_in(held, "a.b")
    assert made.tenant == "unknown"
    assert json.loads(made.metadata)["a.b"] == "left alone"
