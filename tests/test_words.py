from __future__ import annotations

from dataclasses import astuple

import pytest

from audit_core.chain.findings import FindingKind, Severity, Verdict
from audit_core.chain.words import FINDINGS, SEVERITIES, VERDICTS


def test_every_verdict_finding_and_severity_has_words() -> None:
    assert set(VERDICTS) == set(Verdict)
    assert set(FINDINGS) == set(FindingKind)
    assert set(SEVERITIES) == set(Severity)


@pytest.mark.parametrize("kind", FindingKind)
def test_a_finding_says_what_it_means_what_may_be_behind_it_and_what_to_do(kind: FindingKind) -> None:
    assert all(text.strip() and not text.endswith(" ") for text in astuple(FINDINGS[kind]))


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_says_what_it_does_not_mean(verdict: Verdict) -> None:
    assert VERDICTS[verdict].does_not_mean
    assert VERDICTS[verdict].symbol
