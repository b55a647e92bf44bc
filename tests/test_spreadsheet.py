"""Cells of a CSV export: inert in every spreadsheet, and what was stored can still be told (CASES 4, 49 to 51)."""

from __future__ import annotations

import csv
import io
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit_core.query import Row
from audit_core.records import StoredRecord
from audit_core.retention import Expiry
from audit_core.spreadsheet import COLUMNS, Sheet, original_text, safe_cell
from tests.builders import item

FORMULA = "=+-@"
TELLING = "=+-@'\"\t\r\n\0;, \\u{}\uff1d\uff0d\u200b\u202e\u3000\u00a0a1"
texts = st.text(st.sampled_from(TELLING) | st.characters(exclude_categories=("Cs",)), max_size=12)


def sheet_of(*items: dict[str, Any], expiry: Expiry = Expiry.LIVE) -> bytes:
    target = io.BytesIO()
    sheet = Sheet(target)
    sheet.begin()
    for typed in items:
        sheet.add(Row(StoredRecord.from_item(typed), expiry))
    return target.getvalue()


def cells_of(content: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def rows_of(content: bytes) -> list[dict[str, str]]:
    header, *rows = cells_of(content)
    return [dict(zip(header, row, strict=True)) for row in rows]


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet that skips white space and knows full-width forms could take it for one."""
    bare = unicodedata.normalize("NFKC", cell).lstrip()
    return bare[:1] in {*FORMULA, "\u2212"} or cell[:1] in {"\t", "\r", "\0"}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", ""),
        ("send_email", "send_email"),
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("+49 30 1", "'+49 30 1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("\t=1", "\\u{0009}=1"),
        ("\r=1", "\\u{000D}=1"),
        ("a\0b", "a\\u{0000}b"),
        ("a\x1b[31m\n", "a\\u{001B}[31m\\u{000A}"),
        ("\u202eabc", "\\u{202E}abc"),
        ("\\u{0041}", "\\u{005C}u{0041}"),
        ("a;=1", "a;\\u{003D}1"),
        ('a; "=1', 'a; "\\u{003D}1'),
        ('{"n":-1,"to":"+49"}', '{"n":-1,"to":"+49"}'),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_a_cell_is_made_inert_and_no_more_than_that(text: str, cell: str) -> None:
    assert safe_cell(text) == cell
    assert original_text(cell) == text


@given(texts)
@example("'" * 3)
@example("\\\u200b")
@example("\\u{005C}u{")
def test_the_original_can_be_told_from_its_cell(text: str) -> None:
    assert original_text(safe_cell(text)) == text


@given(st.lists(texts, min_size=1, max_size=4))
def test_no_cell_is_a_formula_whatever_separates_them(values: list[str]) -> None:
    content = sheet_of({**item(), "id": {"S": "x"}, **{f"x{n}": {"S": value} for n, value in enumerate(values)}})
    for value in values:
        content += sheet_of({**item(), "caller_id": {"S": value}, "outcome": {"S": value}})
    for delimiter in ",;":
        for row in cells_of(content, delimiter):
            assert not [cell for cell in row if is_formula(cell)]


@given(texts)
def test_a_file_gives_back_what_was_stored(value: str) -> None:
    (row,) = rows_of(sheet_of({**item(), "caller_id": {"S": value}}))
    assert original_text(row["caller_id"]) == value


def test_every_character_that_stands_for_a_formulas_sign_is_known() -> None:
    signs = [
        sign
        for sign in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(sign) != "Cs" and unicodedata.normalize("NFKC", sign)[0] in {*FORMULA, "\u2212"}
    ]
    assert len(signs) > len(FORMULA)
    assert [sign for sign in signs if not safe_cell(sign).startswith("'")] == []


def test_a_row_holds_every_attribute_of_a_record() -> None:
    typed = item(extra={"region": {"S": "eu"}, "flag": {"BOOL": True}, "blob": {"B": b"\0"}}, chain_id="c")
    (row,) = rows_of(sheet_of(typed))
    assert tuple(row) == COLUMNS
    for name, attribute in typed.items():
        if name in COLUMNS:
            assert original_text(row[name]) == next(iter(attribute.values()))
    assert row["further_attributes"] == '{"blob":{"B":"AA=="},"flag":{"BOOL":true},"region":{"S":"eu"}}'


def test_a_row_says_what_is_out_of_the_ordinary() -> None:
    odd = {**item(), "outcome": {"N": "5"}}
    (row,) = rows_of(sheet_of(odd, expiry=Expiry.EXPIRED))
    assert row["remarks"].split("; ") == [
        "expired, still present",
        "unchained: nothing vouches for it",
        "outcome is of type N, not S",
    ]


def test_a_value_of_a_wrong_type_is_shown_as_it_is_typed() -> None:
    (row,) = rows_of(sheet_of({**item(), "caller_id": {"M": {"a": {"B": b"\xff"}}}}))
    assert row["caller_id"] == '{"M":{"a":{"B":"/w=="}}}'


def test_a_file_is_what_spreadsheets_read_as_utf_8() -> None:
    content = sheet_of(item(caller_id="Jürgen"))
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == 2
    assert "Jürgen".encode() in content
