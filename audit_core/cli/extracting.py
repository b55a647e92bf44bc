"""Writing exported files with the manifest beside them: for `query --csv`, `--jsonl` and `--parquet`, and for `export`.

What a file holds is in `extracts`; that it comes into being whole is in `files`. A file that could not be read to its
end is kept, and its manifest says so: it is what was there until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from audit_core.cli.files import check_target, written_whole
from audit_core.cli.terminal import print_json, print_line, progress_bar, say
from audit_core.errors import EngineError
from audit_core.extracts import Form, RecordExtract
from audit_core.manifests import manifest_name
from audit_core.names import visible

if TYPE_CHECKING:
    from pathlib import Path

    from audit_core.manifests import Manifest
    from audit_core.query import Order, RecordFilter
    from audit_core.store import AuditStore

__all__ = ["check_pair", "chosen_form", "print_manifest", "write_manifest", "write_records"]

INCOMPLETE = 3
"""Exit status of an extract that was not read to its end, as of a verification that is not."""


def chosen_form(
    csv: Path | None, jsonl: Path | None, parquet: Path | None, *, force: bool, paged: bool
) -> tuple[Form, Path] | None:
    """Return which file `query` writes in which form; None: it shows a page.

    `paged` says that a page was asked for. Raises `BadParameter` for options that do not go together, `InputError` for
    a place that cannot be written to.
    """
    given = {Form.CSV: csv, Form.JSON_LINES: jsonl, Form.PARQUET: parquet}
    chosen = [(form, target) for form, target in given.items() if target is not None]
    if len(chosen) > 1:
        message = "Give one of --csv, --jsonl and --parquet, once for each file."
        raise typer.BadParameter(message)
    if not chosen:
        if force:
            message = "--force goes with --csv, --jsonl or --parquet; without a file there is nothing to replace."
            raise typer.BadParameter(message)
        return None
    if paged:
        message = (
            "A file holds all records that match, so --csv, --jsonl and --parquet go with neither --limit nor --cursor."
        )
        raise typer.BadParameter(message)
    check_pair(chosen[0][1], replace=force)
    return chosen[0]


def check_pair(target: Path, *, replace: bool) -> None:
    """Raise `InputError` where a file, or the manifest beside it, cannot be written."""
    check_target(target, replace=replace)
    check_target(_beside(target), replace=replace)


def write_records(
    store: AuditStore, wanted: RecordFilter, order: Order, form: Form, target: Path, *, as_json: bool
) -> None:
    """Write all records that match, with their manifest. Raises `EngineError` where not even the first answer came."""
    with progress_bar() as progress:
        task = progress.add_task(visible(wanted.chain), total=None)
        with written_whole(target) as file:
            extract = RecordExtract(store, wanted, form, file, order=order)
            try:
                for done in extract:
                    progress.update(task, completed=done)
            except KeyboardInterrupt:
                extract.stop()
            if not extract.has_begun:
                raise EngineError(extract.reason)
    manifest = extract.manifest(target.name)
    write_manifest(manifest, target)
    if as_json:
        print_json(manifest.as_json())
    else:
        print_manifest(manifest, target)
    if manifest.reason is not None:
        say(f"The file is not complete: {manifest.reason.rstrip('.')}. Its manifest says so; write it anew.")
        raise typer.Exit(INCOMPLETE)


def write_manifest(manifest: Manifest, target: Path) -> None:
    """Write the manifest beside its file. Raises `InputError`."""
    with written_whole(_beside(target)) as file:
        file.write(manifest.content())


def print_manifest(manifest: Manifest, target: Path, *, held: str = "") -> None:
    """Say what was written; `held` is what it holds in words, by default its number of records."""
    print_line(f"{visible(str(target))}: {held or f'{manifest.records:,} records'}, {manifest.size:,} bytes")
    print_line(f"From table {manifest.table} on {manifest.engine}")
    print_line(f"SHA-256 {manifest.sha256}")
    print_line(f"What it is, and this digest, is in {visible(str(_beside(target)))}")


def _beside(target: Path) -> Path:
    return target.with_name(manifest_name(target.name))
