"""Files of the Inject page: what was uploaded, a dry run that writes nothing, and the run that brings it in.

An upload's name comes from a browser: it is shown, and never used as a path (CASES 52). The bytes go into a temporary
folder under names of our own for as long as they are read.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from audit_core.appendrun import AppendRun, in_batches
from audit_core.embedded import EMBEDDED_ITEM_LIMIT, WAY_OUT
from audit_core.errors import AuditError, ImportFileError, InputError
from audit_core.importentries import ImportOptions, LeftOut
from audit_core.importers import read_files, split_expired
from audit_core.names import visible
from audit_core.settings import MAX_LIFETIME_SECONDS
from audit_ui import inject_parts, withheld_parts
from audit_ui.formats import chain_name, count
from audit_ui.inject_parts import ShownRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from audit_core import AuditRecord
    from audit_core.importers import FilesRead
    from audit_ui.context import Context

__all__ = ["files_form"]

MAX_FILE_BYTES = 64 * 1024 * 1024
"""What one upload may hold once it is unpacked."""

MAX_RECORDS = 100_000
MAX_NAME = 80
_KEPT = "inject files"
_MOST_IN_FULL = 20


@dataclass(frozen=True, slots=True)
class _DryRun:
    """What was read of these uploads with these options: the names of the uploads by path, and what can be written.

    Of the latter `redacted` have values that redaction replaces, `stripped` a payload that is not stored.
    """

    asked: object
    names: Mapping[str, str]
    read: FilesRead | None
    live: tuple[AuditRecord, ...] = ()
    expired: int = 0
    redacted: int = 0
    stripped: int = 0
    error: AuditError | None = None


def files_form(context: Context) -> ShownRun | None:
    """Take uploads, show a dry run of them, and return the run that a click starts."""
    uploads = st.file_uploader(
        "CloudTrail files, exports, or JSON Lines of records; plain or gzip",
        type=["json", "jsonl", "ndjson", "gz"],
        accept_multiple_files=True,
        key="uploads",
    )
    st.caption(
        "What a file is, its content tells. Up to 10 MB each, and the whole is read before anything is written. Larger "
        "ones are brought in by `python -m audit_core import`."
    )
    options = _options()
    if isinstance(options, InputError):
        inject_parts.problem(str(options))
    asked = (tuple(upload.file_id for upload in uploads), options)
    ready = bool(uploads) and isinstance(options, ImportOptions)
    if st.button("Check the files", type="primary", key="check", disabled=not ready):
        with st.spinner("Reading the files …"):
            st.session_state[_KEPT] = _dry_run(context, asked, uploads, options)  # type: ignore[arg-type] # `ready`
    kept: _DryRun | None = st.session_state.get(_KEPT)
    if kept is None or kept.asked != asked:
        return None
    return _shown(context, kept)


def _options() -> ImportOptions | InputError:
    with st.expander("Options"):
        tenant, extra, lives, seconds = (*st.columns(2, gap="medium"), *st.columns(2, gap="medium"))
        field = tenant.text_input(
            "Field of a CloudTrail event that names the tenant",
            value="recipientAccountId",
            help="A dotted path reaches inside. Where an event lacks it, the tenant is `unknown`.",
        )
        names = extra.text_input("Further fields of plain records to keep", placeholder="team, ticket")
        limited = lives.toggle("Give a lifetime to records that have none")
        given = seconds.number_input(
            "Seconds from its dispatch",
            min_value=1,
            max_value=MAX_LIFETIME_SECONDS,
            value=2_592_000,
            step=1,
            disabled=not limited,
        )
    try:
        return ImportOptions(
            tenant_field=field.strip(),
            ttl_seconds=int(given) if limited else None,
            extra=tuple(name for name in re.split(r"[,\s]+", names or "") if name),
            max_file_bytes=MAX_FILE_BYTES,
            max_records=MAX_RECORDS,
        )
    except InputError as error:
        return error


def _dry_run(context: Context, asked: object, uploads: Sequence[UploadedFile], options: ImportOptions) -> _DryRun:
    """Read the uploads from a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="audit-upload-") as folder:
        names = {}
        for number, upload in enumerate(uploads):
            path = Path(folder) / f"upload-{number:04d}"
            path.write_bytes(upload.getbuffer())
            names[str(path)] = shown_name(upload.name)
        try:
            read = read_files(map(Path, names), options)
        except InputError as error:
            return _DryRun(asked, names, None, error=ImportFileError(_named(str(error), names)))
    live, expired = split_expired(read.records, context.store.table.clock.now())
    try:
        redacted, stripped = withheld_parts.counted(context.store, live)
    except InputError as error:
        return _DryRun(asked, names, None, error=error)
    return _DryRun(asked, names, read, live, len(expired), redacted, stripped)


def shown_name(name: str) -> str:
    """Return the last part of an upload's name, as text for a person."""
    return visible(re.split(r"[/\\]", name)[-1][-MAX_NAME:]) or "unnamed"


def _named(text: str, names: Mapping[str, str]) -> str:
    for path, name in names.items():
        text = text.replace(path, name)
    return text.replace("name it with --extra", "name it under Options")


def _shown(context: Context, dry: _DryRun) -> ShownRun | None:
    with st.container(border=True, key="dry_run"):
        st.subheader("What these files hold", anchor=False)
        st.caption("A dry run: nothing is written yet.")
        if dry.error is not None or dry.read is None:
            inject_parts.problem(str(dry.error))
            return None
        read = dry.read
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in read.kinds.items()) or "none that can be read"
        st.text(
            f"{count(read.files, 'file')} ({kinds}), {count(read.entries, 'record')} in them, {read.duplicates:,} of "
            "them delivered again."
        )
        if read.problems:
            _problems(read, dry.names)
            return None
        _losses(context, dry)
        withheld_parts.rule(context.store.settings)
        if not dry.live:
            st.caption("There is nothing to write.")
            return None
        counts = Counter((record.namespace, record.tenant) for record in dry.live)
        rows = [{"Chain": chain_name(*chain), "Records": f"{number:,}"} for chain, number in sorted(counts.items())]
        inject_parts.table(rows, "What would be written to each chain.")
        st.caption(
            f"{count(len(dry.live), 'record')} would be written to {count(len(counts), 'chain')}; those that are there "
            "already are recognised, and not written again."
        )
        if context.store.engine == "embedded" and len(dry.live) > EMBEDDED_ITEM_LIMIT:
            inject_parts.problem(f"The engine in this process is made for {EMBEDDED_ITEM_LIMIT:,} records. {WAY_OUT}")
            return None
        if not st.button(f"Import {count(len(dry.live), 'record')}", type="primary", key="import"):
            return None
    st.session_state.pop(_KEPT)
    run = AppendRun(context.store, in_batches(dry.live), len(dry.live))
    return ShownRun("files", run, tuple(sorted(counts)))


def _problems(read: FilesRead, names: Mapping[str, str]) -> None:
    st.markdown(f":red[**✕ {count(read.problem_count, 'problem')}: nothing can be written until they are mended**]")
    for one in read.problems[:_MOST_IN_FULL]:
        inject_parts.problem(_named(one.message, names))
    if len(read.problems) > _MOST_IN_FULL:
        listed = [visible(_named(one.message, names)) for one in read.problems]
        st.dataframe(pd.DataFrame({"Problem": listed}), hide_index=True, alt="Every problem, one a row.")
    st.caption(f"{count(len(read.problems), 'problem')} of {read.problem_count:,} shown.")


def _losses(context: Context, dry: _DryRun) -> None:
    """Say what of the files does not come along, and what of it is not as it should be."""
    read = dry.read
    if read is None:
        return
    bookkeeping, outside, gone = (read.left_out[kind.value] for kind in LeftOut)
    chained = context.store.settings.compliance.hash_chain
    places = f"had sequence numbers and hashes, which are dropped; they get {'new ones' if chained else 'none'}"
    altered = (
        "do not agree with the hashes that they came with: they were altered before, and a new chain vouches only for "
        "what they say now"
    )
    lines = (
        (read.placed, places),
        (read.altered, altered),
        (dry.expired, "have expired, or will within two seconds, and are left out"),
        (bookkeeping, "items were fences or bookkeeping, and are left out"),
        (outside, "were read around the range of an export, and are left out"),
        (dry.redacted, "hold values that redaction replaces; what stood there reaches neither the table nor any hash"),
        (dry.stripped, "lose their payload, which is not stored here"),
        (gone, "positions of exported chains had no record any more, which the new chain does not show"),
    )
    for number, text in lines:
        if number:
            st.text(f"{number:,} {text}.")
    if read.conflicts:
        st.text(f"{count(len(read.conflicts), 'id')} came twice with different content; the first one counts:")
        st.code(
            "\n".join(visible(one.id) for one in read.conflicts[: inject_parts.MOST_NAMED]),
            language=None,
            wrap_lines=True,
        )
    if not chained:
        st.caption("Hash chaining is off, so nothing will vouch for these records.")
