"""What a page offers to take away: records that a filter matches, or a chain, each as one zip with its manifest.

A click makes the file in slices, which can be stopped; a second one downloads it. How it is made is in `extraction`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from audit_core.chain.words import VERDICTS
from audit_core.extracts import Form
from audit_core.manifests import manifest_name
from audit_ui import elements
from audit_ui.extraction import Extraction, chain_file, records_file
from audit_ui.faults import one_message
from audit_ui.formats import count, utc

if TYPE_CHECKING:
    from collections.abc import Hashable

    from audit_core import RecordFilter
    from audit_core.manifests import Manifest
    from audit_core.query import Order
    from audit_ui.context import Context
    from audit_ui.extraction import Made
    from audit_ui.verification import Request

__all__ = ["offer_chain_export", "offer_records"]

_PAUSE_SECONDS = 0.1
_KIB = 1024
_FORMS = {
    Form.CSV: "CSV, to read in a spreadsheet",
    Form.JSON_LINES: "JSON Lines, from which anyone can recompute each record's hashes",
    Form.PARQUET: "Parquet, to be analysed by a program, with the items as in JSON Lines",
}


def offer_records(context: Context, wanted: RecordFilter, order: Order) -> None:
    """Offer all records that match, not only the page shown, in one of three forms."""
    key = (context.table_key, "records", wanted, order)
    kept = _kept("take_records", key)
    with st.expander("Take these records away", expanded=kept is not None):
        st.caption(
            "All records that match the filters, not only this page. The file comes in a zip with a second one (the "
            "manifest), which says what was asked for, when, how many records were found, and the first one's SHA-256."
        )
        form = st.radio("Format", list(_FORMS), format_func=_FORMS.__getitem__, key="take_records_form")
        if st.button("Make the file", key="make_records", disabled=kept is not None and kept.running):
            _begin("take_records", Extraction(key, records_file(context.store, wanted, order, form)))
        _show("take_records", kept)


def offer_chain_export(context: Context, request: Request) -> None:
    """Offer the chain, or the range of it that the request names, as a file that verifies without the table."""
    key = (context.table_key, "chain", request.namespace, request.tenant, request.first, request.last)
    kept = _kept("take_chain", key)
    with st.expander("Take the chain away", expanded=kept is not None):
        st.caption(
            ("The whole chain" if request.whole else "The positions chosen above")
            + ", records and fences, as JSON Lines. Anyone can verify the file without this table, by "
            "`python -m audit_core verify --file`. It comes in a zip with a second file (the manifest), which accounts "
            "for every position asked for and gives the file's SHA-256. Making it verifies the chain thoroughly."
        )
        if st.button("Make the file", key="make_chain", disabled=kept is not None and kept.running):
            _begin("take_chain", Extraction(key, chain_file(context.store, request)))
        _show("take_chain", kept)


def _kept(place: str, key: Hashable) -> Extraction | None:
    kept: Extraction | None = st.session_state.get(place)
    return kept if kept is not None and kept.key == key else None


def _begin(place: str, extraction: Extraction) -> None:
    st.session_state[place] = extraction
    extraction.advance()
    st.rerun()


def _show(place: str, extraction: Extraction | None) -> None:
    if extraction is None:
        return
    if extraction.running:
        _progress(place, extraction)
    elif extraction.failure is not None:
        with one_message():
            raise extraction.failure
    elif extraction.made is not None:
        _ready(place, extraction.made)


@st.fragment(run_every=_PAUSE_SECONDS)
def _progress(place: str, extraction: Extraction) -> None:
    """Go on for a slice of time and show how far it is; a click stops it."""
    with one_message():
        extraction.advance()
        if not extraction.running:
            st.rerun()
        sofar = extraction.sofar
        if sofar.total:
            st.progress(
                min(1.0, sofar.position / sofar.total),
                text=f"Reading: position {sofar.position:,} of {sofar.total:,}, {count(sofar.records, 'record')}",
            )
        else:
            st.text(f"Reading: {count(sofar.records, 'record')} so far")
        if st.button("Stop", key=f"{place}_stop"):
            extraction.stop()
            st.rerun()


def _ready(place: str, made: Made) -> None:
    manifest = made.manifest
    if manifest.reason is not None:
        st.markdown(":orange[**Not complete**]")
        st.text(f"{manifest.reason.rstrip('.')}. The manifest says so too.")
    elements.field_list(_facts(manifest))
    st.caption("SHA-256 of the file")
    st.code(manifest.sha256, language=None, wrap_lines=True)
    st.download_button(
        f"Download the zip ({_size(made.size)})",
        made.content,
        file_name=made.name,
        mime="application/zip",
        on_click="ignore",
        type="primary",
        key=f"{place}_download",
    )
    st.caption(
        "Whoever gets the file can compare its SHA-256 with the manifest's. That shows that the two belong together, "
        "not who made them: keep the SHA-256 somewhere else as well. The file holds records as they are stored: treat "
        "it like them."
    )


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    fences = "" if manifest.fences is None else f" and {count(manifest.fences, 'fence')}"
    facts = [
        ("File", manifest.file),
        ("Manifest", manifest_name(manifest.file)),
        ("Holds", f"{count(manifest.records, 'record')}{fences}"),
        ("Dispatched", _window(manifest)),
        ("Size", f"{_size(manifest.size)} ({manifest.size:,} bytes)"),
        ("As of", utc(manifest.began_at)),
    ]
    if manifest.positions is not None:
        adds_up = "" if manifest.positions.reconcile else ". The counts do not add up; make the file anew."
        facts.append(("Accounts for", f"{manifest.positions}{adds_up}"))
    if manifest.verdict is not None:
        facts.append(("Verdict", next(said.name for verdict, said in VERDICTS.items() if verdict == manifest.verdict)))
    return facts


def _window(manifest: Manifest) -> str:
    first, last = manifest.first_dispatched, manifest.last_dispatched
    return "" if first is None or last is None else f"{utc(first)} to {utc(last)}"


def _size(size: int) -> str:
    if size < _KIB:
        return count(size, "byte")
    return f"{size / _KIB:,.1f} KB" if size < _KIB * _KIB else f"{size / _KIB / _KIB:,.1f} MB"
