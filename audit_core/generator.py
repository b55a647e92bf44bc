"""Made-up records: one at a time for the demo data, and many by a plan, the same ones for the same seed.

Nothing here is written; `demo` puts its own records in, and `appendrun` appends what a plan yields.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from audit_core.append import BATCH_LIMIT, MIN_LIFETIME_SECONDS
from audit_core.appendrun import in_batches
from audit_core.errors import RecordError
from audit_core.items import INTENT, is_count
from audit_core.jsontext import NO_JSON, json_text
from audit_core.names import hidden_characters, ns_tenant, visible
from audit_core.records import AuditRecord
from audit_core.settings import MAX_LIFETIME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from audit_core.timestamps import Clock, Timestamp

__all__ = ["DEFAULT_MIX", "MAX_COUNT", "MAX_RATE", "MAX_TENANTS", "VERDICT_OF", "Plan", "generate", "sample_record"]

MAX_COUNT = 100_000
MAX_RATE = 1000
MAX_TENANTS = 50
LEAST_LIFETIME_SECONDS = MIN_LIFETIME_SECONDS + 1
"""The shortest lifetime of a generated record: an append refuses what expires within two seconds (FORMAT 6.1)."""

VERDICT_OF: Mapping[str, str] = MappingProxyType(
    {"executed": "allow", "failed": "allow", "suppressed": "deny", "throttled": "allow", INTENT: "allow"}
)
"""The outcomes of made-up records, with the verdict that goes with each; an intent of the mix stands alone."""

DEFAULT_MIX: Mapping[str, int] = MappingProxyType(
    {"executed": 86, "failed": 6, "suppressed": 6, "throttled": 2, INTENT: 0}
)
"""How often each outcome comes, out of a hundred."""

_NAMES = ("ada", "boris", "chen", "dalia", "emeka", "farida")
_ACTIONS = {
    "notifications": (("email", "send_email"), ("sms", "send_sms"), ("webhook", "call_webhook")),
    "payments": (("stripe", "capture_charge"), ("stripe", "issue_refund"), ("bank", "wire_transfer")),
    "infrastructure": (("k8s", "scale_deployment"), ("aws", "rotate_key"), ("dns", "change_record")),
}
_ALL_ACTIONS = tuple(action for actions in _ACTIONS.values() for action in actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to generate: `count` records, the tenants of one namespace taking turns, at most `rate` a second.

    `mix` weighs the outcomes of `VERDICT_OF`. Of a hundred records about `two_phase` belong to an action that is
    written as an intent and, at the tenant's next turn, its outcome. `lifetime` is the shortest and the longest
    lifetime in whole seconds; None: they never expire. The same `seed` gives the same records but for their ids and
    times.

    Raises `RecordError` for a plan that makes no sense.
    """

    namespace: str
    tenants: tuple[str, ...]
    count: int
    rate: int
    seed: int
    mix: Mapping[str, int] = field(default_factory=lambda: DEFAULT_MIX)
    two_phase: int = 0
    lifetime: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check the plan once, before anything is made."""
        for name, value, most in (("count", self.count, MAX_COUNT), ("rate", self.rate, MAX_RATE)):
            if not is_count(value, 1, most):
                message = f"The {name} is {value!r}; give a whole number from 1 to {most:,}."
                raise RecordError(message)
        if not 1 <= len(self.tenants) <= MAX_TENANTS or len(set(self.tenants)) < len(self.tenants):
            message = f"Name 1 to {MAX_TENANTS} tenants, each once; there are {len(self.tenants)}."
            raise RecordError(message)
        for name in (self.namespace, *self.tenants):
            ns_tenant(self.namespace, name)
            if hidden_characters(name):
                message = f"The name {visible(name[:40])} holds characters that cannot be seen; type it anew."
                raise RecordError(message)
        if set(self.mix) - set(VERDICT_OF) or min(self.mix.values(), default=0) < 0 or not sum(self.mix.values()):
            message = f"The mix weighs {', '.join(VERDICT_OF)}, none below 0, and not all of them 0."
            raise RecordError(message)
        if not is_count(self.two_phase, 0, 100):
            message = f"{self.two_phase!r} of a hundred records cannot be of two phases; give a number from 0 to 100."
            raise RecordError(message)
        if self.lifetime is not None:
            least, most = self.lifetime
            if not LEAST_LIFETIME_SECONDS <= least <= most <= MAX_LIFETIME_SECONDS:
                message = (
                    f"Lifetimes from {least:,} to {most:,} seconds cannot be written; give at least "
                    f"{LEAST_LIFETIME_SECONDS}, the shortest first, at most {MAX_LIFETIME_SECONDS:,} (100 years)."
                )
                raise RecordError(message)

    def record(self, number: int, run: str, moment: Timestamp) -> AuditRecord:
        """Return record `number`, from 0, dispatched at `moment`; `run` (str) tells the ids of runs apart."""
        first = number - len(self.tenants) if number // len(self.tenants) % 2 else number
        made, paired = self._made(first, run, moment)
        if not paired:
            return made if first == number else self._made(number, run, moment)[0]
        if first == number:
            return replace(made, outcome=INTENT, outcome_details=NO_JSON)
        return replace(made, id=self._id(number, run))

    def _made(self, number: int, run: str, moment: Timestamp) -> tuple[AuditRecord, bool]:
        """Return what a record says, and whether its action is one of two phases that both find place in the plan."""
        chance = random.Random(f"{self.seed}|{number}")  # noqa: S311 - made-up data, no secret
        tenant = self.tenants[number % len(self.tenants)]
        made = sample_record(chance, self.namespace, tenant, moment, number=number, mix=self.mix)
        record_id = self._id(number, run)
        expires_at = None if self.lifetime is None else moment.plus_seconds(chance.randint(*self.lifetime))
        paired = made.outcome != INTENT and chance.randrange(100) < self.two_phase
        paired = paired and number + len(self.tenants) < self.count
        return replace(made, id=record_id, action_id=f"act-{record_id[:8]}", expires_at=expires_at), paired

    def _id(self, number: int, run: str) -> str:
        return _made_id(random.Random(f"{run}|{self.seed}|{number}"))  # noqa: S311 - made-up data, no secret


def generate(plan: Plan, run: str, clock: Clock) -> Iterator[Sequence[AuditRecord]]:
    """Yield the plan's records as they are due, in batches of one chain each; an empty one while none is due.

    Who falls behind, or was stopped for a while, goes on at the plan's rate, with a second's worth at once at most.
    """
    started = clock.monotonic()
    number = 0
    most = BATCH_LIMIT * len(plan.tenants)
    while number < plan.count:
        now = clock.monotonic()
        started = max(started, now - number / plan.rate - 1)
        due = min(plan.count, number + most, int((now - started) * plan.rate) + 1)
        moment = clock.now()
        made = [plan.record(one, run, moment) for one in range(number, due)]
        number = max(number, due)
        yield from in_batches(made) if made else [()]


def sample_record(  # noqa: PLR0913 - what tells made-up records apart
    chance: random.Random,
    namespace: str,
    tenant: str,
    moment: Timestamp,
    *,
    number: int,
    mix: Mapping[str, int] = DEFAULT_MIX,
) -> AuditRecord:
    """Make up a record that never expires, dispatched at `moment`; `number` (int) is in its payload."""
    provider, action_type = chance.choice(_ACTIONS.get(namespace, _ALL_ACTIONS))
    outcome = chance.choices(list(mix), list(mix.values()))[0]
    verdict = VERDICT_OF[outcome]
    took = chance.randrange(3, 900)
    record_id = _made_id(chance)
    return AuditRecord(
        id=record_id,
        action_id=f"act-{record_id[:8]}",
        namespace=namespace,
        tenant=tenant,
        provider=provider,
        action_type=action_type,
        verdict=verdict,
        outcome=outcome,
        dispatched_at=moment,
        completed_at=moment.plus_seconds(took / 1000),
        duration_ms=took,
        caller_id=f"user:{chance.choice(_NAMES)}",
        auth_method=chance.choice(("api_key", "oidc")),
        matched_rule=None if verdict == "allow" else "quiet-hours",
        verdict_details=json_text({"rule": "default" if verdict == "allow" else "quiet-hours"}),
        outcome_details=NO_JSON if outcome == INTENT else json_text({"status": 200 if outcome == "executed" else 503}),
        action_payload=json_text({"n": number, "to": f"acct-{chance.randrange(1000, 9999)}"}),
    )


def _made_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
