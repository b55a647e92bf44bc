"""Page cursors: any place comes back as it was, and any other text is one typed error."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from audit_core.cursor import Cursor
from audit_core.errors import CursorError
from tests.typed_values import numbers

SCOPE = {"table": "audit", "order": "newest", "namespace": "a", "tenant": "b"}
CURSOR = Cursor({"id": {"S": "r1"}, "ns_tenant": {"S": "a#b"}, "dispatched_at_ms": {"N": "1768471200045"}})
TEXT = CURSOR.encode(SCOPE)

long_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
keys = st.fixed_dictionaries(
    {
        "id": st.builds(lambda text: {"S": text}, long_texts),
        "ns_tenant": st.builds(lambda text: {"S": text}, long_texts),
        "sequence_number": st.builds(lambda text: {"N": text}, numbers),
    }
)


@given(key=st.one_of(keys, st.just({})), backward=st.booleans(), scope=st.dictionaries(long_texts, long_texts))
@example(key={"id": {"S": "\x01" * 2048}, "ns_tenant": {"S": "\x01" * 1900}}, backward=False, scope={})
def test_any_place_comes_back(key: dict[str, dict[str, str]], backward: bool, scope: dict[str, str]) -> None:
    cursor = Cursor(key, backward)

    assert Cursor.decode(cursor.encode(scope), scope) == cursor


@given(text=st.text())
@example("")
@example("=")
@example("AAAAAAAAAAAAMQ")
@example(base64.urlsafe_b64encode(b"123456789" + b"5").decode())
@example(base64.urlsafe_b64encode(b"123456789" + b"null").decode())
@example(base64.urlsafe_b64encode(b"123456789" + b"[1,2]").decode())
@example(base64.urlsafe_b64encode(b"123456789" + b"[[" * 4000).decode())
def test_any_other_text_is_a_cursor_error(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.decode(text, SCOPE)


@given(body=st.binary(max_size=60))
def test_any_other_bytes_are_a_cursor_error(body: bytes) -> None:
    with pytest.raises(CursorError):
        Cursor.decode(base64.urlsafe_b64encode(body).decode().rstrip("="), SCOPE)


@pytest.mark.parametrize("length", range(len(TEXT)))
def test_a_cut_cursor_is_a_cursor_error(length: int) -> None:
    with pytest.raises(CursorError):
        Cursor.decode(TEXT[:length], SCOPE)


@given(place=st.integers(0, len(TEXT) - 1), letter=st.characters())
@example(place=len(TEXT) - 1, letter=chr(ord(TEXT[-1]) + 1))
def test_a_changed_letter_is_a_cursor_error(place: int, letter: str) -> None:
    assume(letter != TEXT[place])

    with pytest.raises(CursorError):
        Cursor.decode(TEXT[:place] + letter + TEXT[place + 1 :], SCOPE)


@pytest.mark.parametrize("change", [TEXT + "=", TEXT + "A", " " + TEXT, TEXT + "\n", TEXT.swapcase(), TEXT[::-1]])
def test_another_spelling_is_a_cursor_error(change: str) -> None:
    with pytest.raises(CursorError):
        Cursor.decode(change, SCOPE)


def test_letters_of_the_other_base64_alphabet_are_a_cursor_error() -> None:
    key = {"id": {"S": "???>>>~~~"}}
    text = Cursor(key).encode(SCOPE)
    assert "_" in text or "-" in text

    with pytest.raises(CursorError):
        Cursor.decode(text.replace("_", "/").replace("-", "+"), SCOPE)


@pytest.mark.parametrize("name", SCOPE)
def test_a_cursor_of_another_query_is_refused(name: str) -> None:
    with pytest.raises(CursorError, match="another tenant or filter"):
        Cursor.decode(TEXT, {**SCOPE, name: "x"})


def test_a_cursor_of_another_version_says_so() -> None:
    body = orjson.dumps([2, False, CURSOR.key])

    with pytest.raises(CursorError, match="another version"):
        Cursor.decode(base64.urlsafe_b64encode(b"123456789" + body).decode().rstrip("="), SCOPE)
