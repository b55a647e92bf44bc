"""What of a record is not stored as it was given, told from the two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from audit_core.redaction import Redactor
from audit_core.withheld import Replaced, withheld
from tests.builders import record

REDACTOR = Redactor(("password", "card.number"), "[REDACTED]")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"action_payload": '{"password":"x"}'}, [("action_payload", "password", 1)]),
        ({"action_payload": '{"a":[{"password":1},{"password":2},3]}'}, [("action_payload", "a.password", 2)]),
        ({"action_payload": '{"card":{"number":4},"number":5}'}, [("action_payload", "card.number", 1)]),
        ({"action_payload": '{"password":{"deep":[1.0,2]}}'}, [("action_payload", "password", 1)]),
        ({"action_payload": '{"n":1.0,"big":123456789012345678901234567890}'}, []),
        ({"action_payload": '{"password":"[REDACTED]","n":1.0}'}, []),
        ({"action_payload": None}, []),
        (
            {"metadata": '{"PASSWORD":1}', "attachment_metadata": '[{"password":"x"}]'},
            [("metadata", "PASSWORD", 1), ("attachment_metadata", "password", 1)],
        ),
    ],
    ids=str,
)
def test_what_was_replaced_is_named_by_its_path(fields: dict[str, Any], expected: list[tuple[str, str, int]]) -> None:
    given = record(**fields)
    found = withheld(given, REDACTOR.record(given))
    assert found.replaced == tuple(Replaced(*one) for one in expected)
    assert not found.payload
    assert bool(found) is bool(expected)


def test_a_payload_that_is_not_kept_is_left_out_as_a_whole() -> None:
    given = record(action_payload='{"password":"x"}')
    found = withheld(given, replace(given, action_payload=None))
    assert (found.payload, found.replaced, bool(found)) == (True, (), True)
    bare = record(action_payload=None)
    assert not withheld(bare, bare)
