"""The client: what it sends where, what it repeats, how it reads answers, and what its errors say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore import exceptions as sdk
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.parsers import JSONParser
from botocore.serialize import create_serializer

from audit_core import errors
from audit_core.client import answered_at, build_client, engine_errors, translate
from audit_core.jsonwire import TypedMapParser
from audit_core.settings import AuditSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

LOCAL = Settings(audit=AuditSettings(url="http://127.0.0.1:9", table_name="audit"))
AWS = Settings(audit=AuditSettings(region="eu-west-1", table_name="audit"))
KEY = {"id": {"S": "a"}}
MODEL = botocore.session.Session().get_service_model("dynamodb")


class Wire:
    """Answers a client's requests in the order given, and keeps them."""

    def __init__(self, client: DynamoDBClient, *answers: Any) -> None:
        self.requests: list[Any] = []
        self._answers = iter(answers)
        client.meta.events.register("before-send.dynamodb", self._answer)  # type: ignore[arg-type]

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        headers = HTTPHeaders()
        fields = {"x-amzn-requestid": "R1", "Date": "Tue, 24 Nov 2026 10:00:00 GMT", **dict(answer[2:])}
        for name, value in fields.items():
            headers[name] = value
        return AWSResponse(request.url, answer[0], headers, _Body(json.dumps(answer[1]).encode()))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content


def refusal(code: str, status: int = 400, text: str = "") -> tuple[int, dict[str, Any]]:
    return status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": text}


def client_error(code: str, text: str = "", status: int = 400) -> sdk.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return sdk.ClientError(response, "Query")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, _high: 0.0)


class TestBuilding:
    def test_a_local_engine_sees_nothing_of_the_user_s_aws_configuration(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        broken = tmp_path / "config"
        broken.write_text("not [a configuration")
        for name, value in {
            "AWS_PROFILE": "missing",
            "AWS_CONFIG_FILE": str(broken),
            "AWS_ACCESS_KEY_ID": "AKIAREALKEY",
            "AWS_SECRET_ACCESS_KEY": "real",
            "AWS_USE_FIPS_ENDPOINT": "true",
            "HTTP_PROXY": "http://127.0.0.1:1",
        }.items():
            monkeypatch.setenv(name, value)
        client = build_client(LOCAL)
        wire = Wire(client, (200, {}))

        client.get_item(TableName="audit", Key=KEY)

        assert wire.requests[0].url == "http://127.0.0.1:9/"
        assert b"Credential=local/" in wire.requests[0].headers["Authorization"]
        assert client._endpoint.http_session._proxy_config.proxy_url_for("http://127.0.0.1:9") is None  # type: ignore[attr-defined]  # noqa: SLF001

    def test_aws_is_reached_at_its_regional_address_with_the_user_s_credentials(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
        client = build_client(AWS)
        wire = Wire(client, (200, {}))

        client.get_item(TableName="audit", Key=KEY)

        assert wire.requests[0].url == "https://dynamodb.eu-west-1.amazonaws.com/"
        assert b"Credential=AKIAEXAMPLE/" in wire.requests[0].headers["Authorization"]

    def test_a_profile_that_does_not_exist_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "missing")

        with pytest.raises(errors.CredentialsError, match="AWS_PROFILE names does not exist"):
            build_client(AWS)

    def test_the_embedded_engine_has_to_run_first(self) -> None:
        with pytest.raises(errors.EngineError, match="has to be started"):
            build_client(Settings(audit=AuditSettings(backend="memory")))


class _Socket:
    """Keeps what is written to it, write by write, and answers nothing."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.written.append(bytes(data))

    def settimeout(self, _seconds: float) -> None: ...


def written(url: str, body: Any) -> list[bytes]:
    """What a connection of the client's to a URL writes for a request, write by write."""
    client = build_client(replace(LOCAL, audit=replace(LOCAL.audit, url=url)))
    pool = client._endpoint.http_session._manager.connection_from_url(url)  # type: ignore[attr-defined]  # noqa: SLF001
    connection = pool.ConnectionCls("127.0.0.1", 9)
    connection.sock = _Socket()
    connection.request("POST", "/", body=body, headers={"Content-Length": "9"})
    return connection.sock.written


class TestSending:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
    @pytest.mark.parametrize("body", [b"{}", b"x" * 200_000], ids=["small", "large"])
    def test_a_request_leaves_in_one_piece(self, url: str, body: bytes) -> None:
        (piece,) = written(url, body)

        head, _, rest = piece.partition(b"\r\n\r\n")
        assert head.startswith(b"POST / HTTP/1.1\r\n")
        assert head.count(b"Content-Length") == 1
        assert rest == body

    @pytest.mark.parametrize("body", [None, io.BytesIO(b"of a file")], ids=["none", "file"])
    def test_what_has_no_body_of_bytes_leaves_as_usual(self, body: Any) -> None:
        sent = b"".join(written("http://127.0.0.1:9", body))

        assert sent.partition(b"\r\n\r\n")[2] == (b"of a file" if body else b"")

    def test_a_local_engine_is_shown_a_key_and_region_and_no_signature(self) -> None:
        client = build_client(replace(LOCAL, audit=replace(LOCAL.audit, region="eu-west-3")))
        wire = Wire(client, (200, {}))

        client.get_item(TableName="audit", Key=KEY)

        authorization = wire.requests[0].headers["Authorization"].decode()
        assert "Credential=local/20260101/eu-west-3/dynamodb/aws4_request" in authorization
        assert re.search("[0-9a-f]{64}", authorization) is None
        assert wire.requests[0].headers["X-Amz-Date"]

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:9", "http://127.0.0.1:9/", "https://[::1]:9", "http://localhost:9/at"]
    )
    def test_a_local_engine_is_asked_where_its_url_says(self, url: str) -> None:
        client = build_client(replace(LOCAL, audit=replace(LOCAL.audit, url=url)))
        wire = Wire(client, (200, {}))

        client.get_item(TableName="audit", Key=KEY)

        assert wire.requests[0].url.rstrip("/") == url.rstrip("/")

    def test_aws_is_sent_a_signature_of_what_is_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        client = build_client(AWS)
        wire = Wire(client, (200, {}), (200, {}))

        for token in ("one", "two"):
            client.transact_write_items(
                TransactItems=[{"Put": {"TableName": "audit", "Item": KEY}}], ClientRequestToken=token
            )

        for one in wire.requests:
            assert json.loads(one.body)["TransactItems"]
            assert one.headers["Authorization"].decode().endswith(f"Signature={signature(one, 'example')}")

    @pytest.mark.parametrize(
        ("operation", "parameters"),
        [
            (
                "batch_get_item",
                {"RequestItems": {"audit": {"Keys": [KEY, {"id": {"S": "é\u2028"}}], "ConsistentRead": True}}},
            ),
            ("batch_get_item", {"RequestItems": {"audit": {"Keys": [{"id": {"B": b"\0\xff"}}]}}}),
            ("transact_write_items", {"TransactItems": [{"Put": {"TableName": "audit", "Item": KEY}}]}),
            ("transact_write_items", {"TransactItems": [{"Delete": {"Key": {"id": {"B": b"\0"}}, "TableName": "x"}}]}),
        ],
        ids=["keys", "binary keys", "actions", "binary actions"],
    )
    def test_long_lists_are_sent_as_botocore_sends_them(self, operation: str, parameters: dict[str, Any]) -> None:
        client = build_client(LOCAL)
        wire = Wire(client, (200, {}))
        model = MODEL.operation_model(client.meta.method_to_api_mapping[operation])
        given = {**parameters, "ReturnConsumedCapacity": "TOTAL"}
        if operation == "transact_write_items":
            given["ClientRequestToken"] = "token"

        getattr(client, operation)(**given)

        expected = create_serializer("json").serialize_to_request(given, model)["body"]
        assert json.loads(wire.requests[0].body) == json.loads(expected)


def signature(request: Any, secret: str) -> str:
    """The signature that AWS computes of what it gets (Signature Version 4)."""
    headers = {name.lower(): value.decode() for name, value in request.headers.items() if isinstance(value, bytes)}
    headers["host"] = urlsplit(request.url).netloc
    scope, signed = re.findall(r"Credential=[^/]+/(\S+), SignedHeaders=([^,]+)", headers["authorization"])[0]
    sent = [f"{name}:{headers[name]}\n" for name in signed.split(";")]
    canonical = "\n".join(("POST", "/", "", "".join(sent), signed, hashlib.sha256(request.body).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest))
    return hmac.digest(key, text.encode(), "sha256").hex()


class TestRepeating:
    @pytest.mark.parametrize(
        "trouble",
        [
            refusal("InternalServerError", 500),
            refusal("ThrottlingException"),
            sdk.ReadTimeoutError(endpoint_url="x"),
            sdk.EndpointConnectionError(endpoint_url="x"),
            (200, {"Items": [], "Count": 7}, ("x-amz-crc32", "1")),
        ],
        ids=["server", "throttle", "timeout", "connection", "checksum"],
    )
    def test_a_read_is_repeated_until_it_succeeds(self, trouble: Any) -> None:
        client = build_client(LOCAL)
        wire = Wire(client, trouble, trouble, (200, {"Items": [], "Count": 0}))

        answer = client.query(TableName="audit", KeyConditionExpression="x")

        assert answer["Count"] == 0
        assert answer["ResponseMetadata"]["RetryAttempts"] == 2
        assert len(wire.requests) == 3

    def test_a_read_is_given_up_after_three_attempts(self) -> None:
        client = build_client(LOCAL)
        wire = Wire(client, *[refusal("InternalServerError", 500)] * 9)

        with pytest.raises(sdk.ClientError):
            client.get_item(TableName="audit", Key=KEY)

        assert len(wire.requests) == 3

    def test_a_refusal_that_will_not_pass_is_not_repeated(self) -> None:
        client = build_client(LOCAL)
        wire = Wire(client, *[refusal("ValidationException")] * 9)

        with pytest.raises(sdk.ClientError):
            client.get_item(TableName="audit", Key=KEY)

        assert len(wire.requests) == 1

    @pytest.mark.parametrize("trouble", [refusal("InternalServerError", 500), sdk.ReadTimeoutError(endpoint_url="x")])
    def test_a_write_is_never_repeated_inside_the_client(self, trouble: Any) -> None:
        client = build_client(LOCAL)
        wire = Wire(client, *[trouble] * 9)

        for call in (
            lambda: client.transact_write_items(TransactItems=[], ClientRequestToken="t"),
            lambda: client.put_item(TableName="audit", Item=KEY),
            lambda: client.update_item(TableName="audit", Key=KEY),
            lambda: client.batch_write_item(RequestItems={}),
        ):
            with pytest.raises((sdk.ClientError, sdk.ReadTimeoutError)):
                call()

        assert len(wire.requests) == 4


ITEM = {
    "id": {"S": "é \u2028 🎈 \"B\": 'B'"},
    "n": {"N": "12345678901234567890123456789012345678"},
    "B": {"BOOL": True},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "texts": {"SS": ["b", "a"]},
    "numbers": {"NS": ["1", "2.5"]},
    "map": {"M": {"deep": {"L": [{"M": {"x": {"N": "1"}}}, {"S": "B"}]}, "none": {"M": {}}}},
}
BINARY = {
    "id": {"S": "x"},
    "b": {"B": base64.b64encode(b"\0\xff").decode()},
    "l": {"L": [{"BS": [base64.b64encode(b"1").decode(), ""]}]},
}
CAPACITY = {
    "TableName": "audit",
    "CapacityUnits": 0.5,
    "GlobalSecondaryIndexes": {"i": {"CapacityUnits": 2, "Unknown": 1}},
    "Unknown": 1,
}
TABLE = {
    "TableName": "audit",
    "CreationDateTime": 1.7e9,
    "ItemCount": 3,
    "Replicas": [{"RegionName": "eu-west-1", "ReplicaInaccessibleDateTime": 1700000000.5}],
}
CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled",
    "CancellationReasons": [
        {"Code": "ConditionalCheckFailed", "Item": {**ITEM, **BINARY}, "Message": "failed"},
        {"Code": "None"},
    ],
}


class TestParsing:
    @pytest.mark.parametrize(
        ("operation", "status", "body"),
        [
            ("Query", 200, {"Items": [ITEM, KEY], "Count": 2, "ScannedCount": 9, "LastEvaluatedKey": KEY}),
            ("Query", 200, {"Items": [], "Count": 0, "ConsumedCapacity": CAPACITY, "Unknown": {"a": 1}}),
            ("Query", 200, {"Items": [ITEM, BINARY], "Count": 2, "LastEvaluatedKey": None}),
            ("Query", 200, {"Count": 3}),
            ("Scan", 200, {"Items": [ITEM], "Count": 1}),
            ("GetItem", 200, {"Item": ITEM, "ConsumedCapacity": CAPACITY}),
            ("GetItem", 200, {"Item": {"id": {"S": "\ud800"}}}),
            ("GetItem", 200, {}),
            ("BatchGetItem", 200, {"Responses": {"audit": [ITEM]}, "UnprocessedKeys": {"audit": {"Keys": [KEY]}}}),
            ("BatchGetItem", 200, {"Responses": {"audit": [BINARY]}, "ConsumedCapacity": [CAPACITY]}),
            ("TransactGetItems", 200, {"Responses": [{"Item": ITEM}, {}], "ConsumedCapacity": [CAPACITY]}),
            ("TransactWriteItems", 200, {"ConsumedCapacity": [CAPACITY]}),
            ("TransactWriteItems", 400, CANCELLED),
            ("PutItem", 200, {"Attributes": ITEM}),
            ("UpdateItem", 200, {"Attributes": BINARY}),
            ("PutItem", 400, {"__type": "x#ConditionalCheckFailedException", "message": "no", "Item": ITEM}),
            ("DescribeTable", 200, {"Table": TABLE}),
            ("Query", 503, {}),
        ],
    )
    def test_an_answer_is_read_as_botocore_reads_it(self, operation: str, status: int, body: dict[str, Any]) -> None:
        model = MODEL.operation_model(operation)
        shape = MODEL.shape_for(body["__type"].split("#")[1]) if "__type" in body else model.output_shape
        response = {
            "body": json.dumps(body).encode(),
            "headers": {"x-amzn-RequestId": "R1", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"},
            "status_code": status,
        }

        for expected in (model.output_shape, shape):
            assert expected is not None
            assert TypedMapParser().parse(response, expected) == JSONParser().parse(response, expected)

    def test_an_answer_with_no_json_is_left_to_botocore(self) -> None:
        response = {"body": b"", "headers": {}, "status_code": 200}
        shape = MODEL.operation_model("Query").output_shape
        assert shape is not None

        assert TypedMapParser().parse(response, shape) == JSONParser().parse(response, shape)

    def test_items_without_binary_values_are_not_rebuilt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr(JSONParser, "_handle_map", refuse)
        client = build_client(LOCAL)
        items = [{"_fence": {"BOOL": True}, "text": {"S": '"B": "BS"'}, "letter": {"S": "B"}, "map": {"M": KEY}}]
        Wire(client, (200, {"Items": items, "Count": 1}))

        answer = client.query(TableName="audit", KeyConditionExpression="x")

        assert answer["Items"] == items
        assert answer["ResponseMetadata"]["RequestId"] == "R1"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200

    def test_a_cancelled_transaction_carries_its_reasons_with_the_items(self) -> None:
        client = build_client(LOCAL)
        Wire(client, (400, CANCELLED))

        with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
            client.transact_write_items(TransactItems=[])

        reasons: Any = caught.value.response["CancellationReasons"]
        assert reasons[0]["Item"]["b"] == {"B": b"\0\xff"}


class TestClock:
    def test_an_answer_s_date_is_the_engine_s_clock(self) -> None:
        client = build_client(LOCAL)
        Wire(client, (200, {}))

        answer = client.get_item(TableName="audit", Key=KEY)

        assert answered_at(answer) == datetime(2026, 11, 24, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        "response",
        [{}, {"ResponseMetadata": {"HTTPHeaders": {}}}, {"ResponseMetadata": {"HTTPHeaders": {"date": "x"}}}],
    )
    def test_without_a_date_it_is_the_local_one(self, response: dict[str, Any]) -> None:
        here = datetime(2020, 1, 1, tzinfo=UTC)

        assert answered_at(response, fallback=lambda: here) == here


SECRET = "wJalrXUtnFEMI"  # noqa: S105 - an example


def _name(value: object) -> str:
    if isinstance(value, sdk.ClientError):
        return f"{value.response['Error']['Code']}-{value.response['Error']['Message'][:9]}"
    return type(value).__name__ if isinstance(value, Exception) else "-"


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "kind", "says"),
        [
            (sdk.NoCredentialsError(), errors.CredentialsError, "aws sso login"),
            (sdk.PartialCredentialsError(provider="env", cred_var="x"), errors.CredentialsError, "incomplete"),
            (
                sdk.CredentialRetrievalError(provider="process", error_msg=SECRET),
                errors.CredentialsError,
                "could not be obtained",
            ),
            (sdk.UnauthorizedSSOTokenError(), errors.CredentialsError, "single sign-on"),
            (sdk.TokenRetrievalError(provider="sso", error_msg=SECRET), errors.CredentialsError, "single sign-on"),
            (client_error("ExpiredTokenException"), errors.CredentialsError, "have expired"),
            (client_error("UnrecognizedClientException", SECRET), errors.CredentialsError, "were not accepted"),
            (
                client_error("InvalidSignatureException", "Signature expired: 20261124"),
                errors.CredentialsError,
                "Set this machine's clock",
            ),
            (client_error("AccessDeniedException"), errors.CredentialsError, "dynamodb:Query on table/audit"),
            (client_error("ResourceNotFoundException"), errors.TableMissingError, "init-table"),
            (
                client_error("ValidationException", "The table does not have the specified index: ns_tenant_sequence"),
                errors.TableMismatchError,
                "ns_tenant_sequence",
            ),
            (client_error("ValidationException", "Bad\nexpression"), errors.EngineError, "Bad expression"),
            (client_error("ProvisionedThroughputExceededException"), errors.ThrottledError, "try again"),
            (client_error("ThrottlingException"), errors.ThrottledError, "ThrottlingException"),
            (client_error("InternalServerError", status=500), errors.EngineError, "Try again in a moment"),
            (sdk.EndpointConnectionError(endpoint_url="x"), errors.EngineUnreachableError, "cannot be reached"),
            (sdk.ConnectTimeoutError(endpoint_url="x"), errors.EngineUnreachableError, "cannot be reached"),
            (sdk.ReadTimeoutError(endpoint_url="x"), errors.EngineUnreachableError, "did not answer in time"),
            (sdk.SSLError(endpoint_url="x", error=OSError("y")), errors.EngineUnreachableError, "certificate"),
            (sdk.ProxyConnectionError(proxy_url="http://u:p@x"), errors.EngineUnreachableError, "proxy"),
            (sdk.InvalidConfigError(error_msg="z"), errors.EngineError, "failed"),
        ],
        ids=_name,
    )
    def test_an_exception_becomes_one_message_with_the_mend(
        self, error: Exception, kind: type[Exception], says: str
    ) -> None:
        translated = translate(error, AWS)

        assert type(translated) is kind
        assert says in str(translated)
        assert SECRET not in str(translated)
        assert "\n" not in str(translated)

    @pytest.mark.parametrize(
        ("place", "mend"),
        [
            (LOCAL, "docker compose --profile dynamodb up"),
            (AWS, "VPC endpoint"),
            (Settings(audit=AuditSettings(backend="memory")), "Restart the program"),
            ("audit", "Check that it runs"),
        ],
    )
    def test_the_mend_fits_the_engine(self, place: Settings | str, mend: str) -> None:
        assert mend in str(translate(sdk.EndpointConnectionError(endpoint_url="x"), place))

    def test_a_block_raises_the_typed_error_and_keeps_its_cause(self) -> None:
        client = build_client(LOCAL)
        Wire(client, refusal("ResourceNotFoundException"))

        with pytest.raises(errors.TableMissingError, match="no table audit") as caught, engine_errors(LOCAL):
            client.get_item(TableName="audit", Key=KEY)

        assert isinstance(caught.value.__cause__, sdk.ClientError)

    def test_an_endpoint_that_is_down_is_said_at_once(self) -> None:
        with pytest.raises(errors.EngineUnreachableError, match=r"127\.0\.0\.1:9"), engine_errors(LOCAL):
            build_client(LOCAL).get_item(TableName="audit", Key=KEY)
