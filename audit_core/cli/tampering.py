"""The command `tamper`: attacks a demo chain, says what catches it, and makes the chain anew.

What each attack does, and who may be attacked, is decided in `tamper`. On the embedded engine all of it happens within
the command, which leaves nothing behind.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit_core.chain.findings import Severity, json_number
from audit_core.chain.words import FINDINGS
from audit_core.cli.session import Session
from audit_core.cli.terminal import JsonFlag, print_json, print_line, print_table, say
from audit_core.errors import FilterError, WriteRefusedError
from audit_core.names import visible
from audit_core.tamper.attacks import ATTACKS, CLAUSES, attack_named
from audit_core.tamper.defences import Defence
from audit_core.tamper.guard import engine_refusal
from audit_core.tamper.lab import Lab
from audit_core.tamper.plays import Play
from audit_core.tamper.practice import LAB
from audit_core.tamper.scenes import CLOCKS, SCENES, scene_named
from audit_core.tamper.target import Cover
from audit_core.tamper.told import state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_core.tamper.attacks import Attack
    from audit_core.tamper.plays import Outcome
    from audit_core.tamper.scenes import Scene

__all__ = ["tamper"]

_MOST_CALLS = 10
_WORDS = {"nothing": Cover.NOTHING, "own": Cover.OWN, "fence": Cover.FENCE, "rest": Cover.REST}


def tamper(
    context: typer.Context,
    *,
    attack: Annotated[str | None, typer.Argument(help="The attack's name; none: list them.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", help="The chain's namespace.")] = LAB,
    tenant: Annotated[str, typer.Option("--tenant", help="ours, elsewhere, sealed, mixed; or a demo tenant.")] = "ours",
    at: Annotated[str, typer.Option("--at", help="first, middle, last, or a position.")] = "middle",
    cover: Annotated[
        str, typer.Option("--cover", help="What is covered up: nothing, own (hashes), fence, rest (of the chain).")
    ] = "nothing",
    tries: Annotated[bool, typer.Option("--tries", help="Also try again, covering up more each time.")] = False,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every attack that means something there.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the chain as the last attack left it.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Attack nothing, make the chain anew.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Attack a demo chain through the plain API, and see which defence catches it.

    Only on local engines, and only chains whose directory entry says demo; the chain is made anew afterwards.
    """
    if attack is None and not all_of_them and not restore:
        _list(as_json=as_json)
        return
    session = Session.of(context)
    settings = session.settings()
    refusal = engine_refusal(settings)
    if refusal is None and settings.audit.backend == "memory" and (keep or restore):
        refusal = "The embedded engine forgets everything when the command ends: nothing is kept there, or restored."
    if refusal is not None:
        raise WriteRefusedError(refusal)
    with closing(session.open()) as store:
        lab = Lab(store, namespace, tenant)
        plays = () if restore else tuple(_plays(lab, attack, _number(lab, at), _cover(cover), tries=tries))
        outcomes = []
        try:
            for play in plays:
                outcomes.append(lab.play(play))
                if not as_json and not all_of_them:
                    _print(outcomes[-1])
        finally:
            restored = None if keep else lab.restore()
    if as_json:
        print_json({"chain": f"{namespace}#{tenant}", "plays": [_json(one) for one in outcomes]})
    elif all_of_them:
        _print_all(outcomes)
    if restored is not None and not as_json:
        print_line(f"{visible(f'{namespace}#{tenant}')} was made anew: {restored.verdict.value}.")
    elif keep:
        say(f"{namespace}#{tenant} stays as the last attack left it; `tamper --restore` makes it anew.")


def _plays(lab: Lab, name: str | None, number: int, cover: Cover, *, tries: bool) -> Iterator[Play]:
    first: list[Play] = list(lab.plays(number))
    if name is not None:
        what = attack_named(name) or scene_named(name)
        if what is None:
            message = f"There is no attack {visible(name[:40])!r}; `tamper` without a name lists them."
            raise FilterError(message)
        first = [one for one in first if one.what is what]
        if not first or cover not in first[0].covers:
            message = "The attack, covered up like this, means nothing at this place of this chain; choose others."
            raise FilterError(message)
        first = [Play(what, first[0].number, cover)]
    for one in first:
        play: Play | None = one
        while play is not None:
            yield play
            play = play.second_try if tries or name is None else None


def _number(lab: Lab, at: str) -> int:
    named = {"first": 0, "middle": lab.practice.length // 2, "last": lab.practice.length - 1}
    if at in named:
        return named[at]
    if not at.isdecimal() or int(at) >= lab.practice.length:
        message = f"The place is {visible(at[:40])!r}; give first, middle, last, or 0 to {lab.practice.length - 1:,}."
        raise FilterError(message)
    return int(at)


def _cover(word: str) -> Cover:
    if word not in _WORDS:
        message = f"Covered up is {visible(word[:40])!r}; give {', '.join(_WORDS)}."
        raise FilterError(message)
    return _WORDS[word]


def _list(*, as_json: bool) -> None:
    whats: tuple[Attack | Scene, ...] = (*ATTACKS, *SCENES, *CLOCKS)
    known = [(one.name, one.cases, one.words) for one in whats]
    if as_json:
        print_json([{"name": name, "cases": cases, "words": words} for name, cases, words in known])
    else:
        print_table(("attack", "case", "what it does"), known)


def _print(outcome: Outcome) -> None:
    print_line(outcome.play.words, style="bold")
    for call in outcome.calls[:_MOST_CALLS]:
        print_line(f"  {call.operation} {visible(str(call.item_id))}")
    if len(outcome.calls) > _MOST_CALLS:
        print_line(f"  and {len(outcome.calls) - _MOST_CALLS:,} calls more; --json has them all")
    print_line(f"  {state_of(outcome).words}: {outcome.thorough.verdict.value}", style="bold")
    if outcome.caught:
        print_line(f"  caught by: {', '.join(sorted(outcome.caught))}")
    if outcome.only_thorough:
        print_line("  only when thorough")
    for finding in outcome.thorough.findings:
        if finding.severity is not Severity.INFORMATION:
            print_line(f"  {FINDINGS[finding.kind].name}, {finding.sequence_number}")
    if not outcome.is_caught and outcome.clause is not None:
        print_line(f"  only a checkpoint kept outside could show it: {CLAUSES[outcome.clause]}")


def _print_all(outcomes: list[Outcome]) -> None:
    columns = ("attack", "covered up", "outcome", *(defence.value for defence in Defence))
    print_table(
        columns,
        [
            (
                one.play.what.name,
                one.play.cover.name.lower(),
                state_of(one).words,
                *("x" if defence in one.caught else "" for defence in Defence),
            )
            for one in outcomes
        ],
    )


def _json(outcome: Outcome) -> dict[str, Any]:
    return {
        "attack": outcome.play.what.name,
        "position": outcome.play.number,
        "cover": outcome.play.cover.name.lower(),
        "words": outcome.play.words,
        "calls": [{"operation": call.operation, **call.arguments} for call in outcome.calls],
        "outcome": state_of(outcome).value,
        "verdict": outcome.thorough.verdict.value,
        "verdict_by_default": outcome.default.verdict.value,
        "caught_by": sorted(outcome.caught),
        "checkpoint_differs_at": None if outcome.leaves is None else list(outcome.leaves),
        "findings": [
            {"kind": one.kind.value, "sequence_number": json_number(one.sequence_number), "found": one.found}
            for one in outcome.thorough.findings
        ],
    }
