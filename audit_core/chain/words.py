"""Verdicts and findings in plain words: what each means, what it does not mean, what may be behind it, what to do.

Words only; they are for an auditor who need not be an engineer, and for the engineer who is asked next. What earns a
verdict or a finding is FORMAT 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_core.chain.findings import FindingKind, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BEYOND", "DEMO", "FINDINGS", "NO_CHAIN", "SEVERITIES", "VERDICTS", "FindingWords", "VerdictWords"]


@dataclass(frozen=True, slots=True)
class VerdictWords:
    """A verdict: one or two words, a symbol, what it means in a sentence and in full, and what it does not mean."""

    name: str
    symbol: str
    headline: str
    means: str
    does_not_mean: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingWords:
    """A kind of finding: its name, what it means, what may be behind it, what to do next."""

    name: str
    means: str
    causes: str
    next_step: str


_ONLY_A_CHECKPOINT = (
    (
        "That nobody cut records off together with their fences at the very end, or added a forged one there: only a "
        "checkpoint that was kept outside the table can show that."
    ),
    "That nobody who can write the whole table rewrote all of it with new hashes: again, only a checkpoint shows it.",
    "That the records were true when they were written.",
)

BEYOND = (
    "What none of this can show: records cut off at an end together with their fences, a forged or appended end, an "
    "edit outside the ten hashed fields or a deletion passed off as expiry where no later link names the position, a "
    "record without a sequence number that is dated before the chain began, a rewrite of everything up to an end, a "
    "chain removed together with its directory entry. Only a checkpoint kept outside the table shows these, and none "
    "was consulted. Nor, even with one: a record deleted before its time, where nobody verified the chain until its "
    "lifetime had passed."
)
"""What every report says of itself (FORMAT 9)."""

NO_CHAIN = "There was no chain to verify."

DEMO = "Demo data: this program made it up, and keeps it in memory alone. It is evidence of nothing."
"""What every result says that rests on the demo data of the embedded engine, or it might be filed as evidence."""

VERDICTS: Mapping[Verdict, VerdictWords] = {
    Verdict.INTACT: VerdictWords(
        "Intact",
        "✓",
        "Nothing was found altered or missing.",
        "Every position of the chain was read. The content of each record fits its hashes, and each links to the one "
        "before it.",
        _ONLY_A_CHECKPOINT,
    ),
    Verdict.INTACT_WITH_EXPIRY: VerdictWords(
        "Intact, with expiry",
        "✓",
        "Nothing was found altered. Some records are gone, and their lifetime had passed.",
        "The records that remain are whole and linked. For each one that is gone, its fence stands, holds, and says "
        "that its lifetime had passed.",
        (
            "That the content of an expired record can still be shown: only that it existed and was allowed to go.",
            (
                "That it went by itself: one deleted early looks the same once its lifetime has passed. A verification "
                "before that tells them apart."
            ),
            *_ONLY_A_CHECKPOINT,
        ),
    ),
    Verdict.UNPROVEN: VerdictWords(
        "Unproven",
        "?",
        "Nothing is known to be wrong, but not everything can be proven.",
        "The records that remain are linked. Others are gone, and expiry can explain that; but their fences carry no "
        "copy of what they held, so nobody can tell an expiry from a deletion.",
        (
            "That something is wrong: its writer leaves bare fences, and nobody sealed it while the records stood.",
            "That all is well: what is gone may as well have been deleted. Do not report the chain as intact.",
        ),
    ),
    Verdict.INCOMPLETE: VerdictWords(
        "Incomplete",
        "…",
        "Not everything that was asked for could be checked.",
        "Something was not read, or there was neither a record nor a full fence to check, so there is no verdict on "
        "the whole chain. What was read is below.",
        ("That something is wrong, or that nothing is. Verify again once the reason is mended.",),
    ),
    Verdict.BROKEN: VerdictWords(
        "Broken",
        "✕",
        "The chain does not hold: something was altered or is missing.",
        "At least one position does not fit what was written. The findings below say where, and what was expected.",
        (
            "That somebody did it on purpose: a faulty migration or a clean-up job looks the same.",
            "That everything is lost: positions without a finding did fit, as far as they were checked.",
        ),
    ),
    Verdict.UNCHAINED: VerdictWords(
        "No chain",
        "–",
        "This tenant's records are not chained.",
        "They have neither sequence numbers nor fences, as when hash chaining is off while they are written. The "
        "verdict on chains beside them leaves them out; where there is no chain at all, it is incomplete.",
        ("That they are as written: any of them may have been altered, removed or added, and it would not show.",),
    ),
}

SEVERITIES: Mapping[Severity, str] = {
    Severity.BREAK: "Break",
    Severity.UNPROVEN: "Unproven",
    Severity.INFORMATION: "Information",
}

_KEEP = "Leave the table as it is, note the position, and"
_LOGS = "look in AWS CloudTrail's data events for who wrote to this item, and when."

FINDINGS: Mapping[FindingKind, FindingWords] = {
    FindingKind.CONTENT_MODIFIED: FindingWords(
        "Content altered",
        "The record's content no longer gives the hash that was made when it was written.",
        "Someone changed a field of the stored record; or a migration or a tool rewrote it in another form.",
        f"{_KEEP} compare the record with a backup or with the system that wrote it; {_LOGS}",
    ),
    FindingKind.BROKEN_LINK: FindingWords(
        "Broken link",
        "The record does not link to the one before it, as it did when both were written.",
        "A record was altered and its own hash made anew; records were exchanged, inserted or copied from elsewhere; "
        "or an operator ordered the chain on past a position that blocked it (pass-over).",
        f"{_KEEP} open the records on both sides of the link. Ask whether a pass-over was ordered; otherwise {_LOGS}",
    ),
    FindingKind.MISSING_HASH: FindingWords(
        "Hash removed",
        "A hash that this record must carry is not there, so its content is not vouched for.",
        "Someone stripped the hash to hide an edit; or a tool rewrote the record without attributes it did not know.",
        f"{_KEEP} compare the record with a backup; {_LOGS}",
    ),
    FindingKind.MISSING_RECORD: FindingWords(
        "Record missing",
        "A record stood here and is gone, although its lifetime had not passed.",
        "Someone deleted it. Where this was inferred from lifetimes alone, a shorter lifetime may have been in use "
        "for a while: declare it as past_ttl_seconds in [dashboard] and verify again.",
        f"{_KEEP} look for the record in a point-in-time backup; {_LOGS}",
    ),
    FindingKind.EXPIRED: FindingWords(
        "Expired, proven",
        "These records are gone, and their fences prove that their lifetime had passed.",
        "DynamoDB removes a record some time after its lifetime has passed. One that was deleted earlier looks the "
        "same by now.",
        "Nothing. If the records should have been kept for longer, lengthen the lifetime (ttl_seconds) for new ones.",
    ),
    FindingKind.EXPIRED_UNPROVEN: FindingWords(
        "Gone, unproven",
        "These records are gone. Expiry can explain that, but nothing proves it.",
        "They were written by a server that leaves bare fences, and the chain was not sealed while they stood.",
        "Seal chains of such a server regularly, so that later expiries can be proven. For these positions only a "
        "backup or an export can say more.",
    ),
    FindingKind.SKIPPED_SEQUENCE: FindingWords(
        "Numbers skipped",
        "These sequence numbers were never used: the next record links straight to the one before them.",
        "A writer counted on without writing; or records and fences were removed and the next record was made anew.",
        f"{_KEEP} ask which writer was in use then; compare with a backup.",
    ),
    FindingKind.TRUNCATED_TAIL: FindingWords(
        "End cut off",
        "The chain went on past its last record: fences stand there, and their records are gone before their time.",
        "Someone deleted the newest records.",
        f"{_KEEP} look for the records in a point-in-time backup; {_LOGS}",
    ),
    FindingKind.DUPLICATE_SEQUENCE: FindingWords(
        "Two records, one position",
        "More than one record claims this position of the chain.",
        "A record was inserted or copied; or two Regions of a global table wrote the chain at the same time.",
        f"{_KEEP} open both records: the fence names the one that was written first. {_LOGS[0].upper()}{_LOGS[1:]}",
    ),
    FindingKind.MISSING_FENCE: FindingWords(
        "Fence missing",
        "The record stands, but the fence that is written with every record is gone.",
        "Someone deleted the fence; or the record was put in without one.",
        f"{_KEEP} find out whether the record itself is genuine, by its neighbours and a backup; {_LOGS}",
    ),
    FindingKind.FENCE_MISMATCH: FindingWords(
        "Fence does not fit",
        "The fence at this position is damaged, or says something else than the chain around it.",
        "Someone changed the fence, for instance its expiry, so that a deletion would pass as an expiry.",
        f"{_KEEP} believe nothing that this fence says; compare with a backup. {_LOGS[0].upper()}{_LOGS[1:]}",
    ),
    FindingKind.FIELD_MISMATCH: FindingWords(
        "Fields disagree",
        "An attribute that is derived from another does not agree with it, so lists or expiry may treat it wrongly.",
        "A tool wrote one of the two without the other; or the expiry was moved.",
        f"{_KEEP} compare the two attributes below; a moved expiry deserves the same attention as an edit.",
    ),
    FindingKind.MALFORMED_RECORD: FindingWords(
        "Not a proper record",
        "An item stands in the chain that is not a record as it should be.",
        "It was put in by something else than an audit writer; or an attribute was removed, perhaps to hide it.",
        f"{_KEEP} open the item and see what is wrong with it; {_LOGS}",
    ),
    FindingKind.UNCHAINED_RECORD: FindingWords(
        "Record outside the chain",
        "A record without a sequence number stands among the records of a chain. Nothing vouches for it.",
        "It was slipped in; or a writer ran for a while with hash chaining off.",
        f"{_KEEP} find out which writer made it. Do not rely on it.",
    ),
    FindingKind.COVERAGE_LOST: FindingWords(
        "Weaker cover",
        "A run of records is vouched for by fewer fields than those before it.",
        "Another writer took over for a while; or the stronger hashes were stripped from all of them.",
        "Find out whether another writer was in use then. If not, treat it as tampering.",
    ),
    FindingKind.CHECKPOINT_MISMATCH: FindingWords(
        "Checkpoint not met",
        "The chain is not what a signed checkpoint says that it was.",
        "The chain was rewritten or cut after the checkpoint was made.",
        f"{_KEEP} keep the checkpoint safe; it is the evidence.",
    ),
    FindingKind.LONE_INTENT: FindingWords(
        "Intent without outcome",
        "An action was announced and its outcome never recorded.",
        "The process that ran it crashed, or it is still running.",
        "Look into that system whether the action took place.",
    ),
}
