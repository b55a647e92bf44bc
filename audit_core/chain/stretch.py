"""Stretches of positions that are in order and linked to one another, which are handed on and taken as one.

Nearly all of a chain is such. Who puts it together, be it in another process, is handed the two ends of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from audit_core.chain.judge import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit_core.items import Item

__all__ = ["Stretch", "joined"]


class Stretch(NamedTuple):
    """Consecutive positions from that of `first` to that of `last`, of which all but the first link to the one before.

    Each is full by its own record, and has no finding. `began_ms` is the earliest dispatch after the first's; `actions`
    are those of the positions after the first, one each, as in `Standing`.
    """

    first: Standing
    last: Standing
    began_ms: int | None
    actions: tuple[tuple[str, bool, str | None], ...]

    @property
    def position(self) -> int:
        """Where it begins."""
        return self.first.position


def joined(found: Iterable[Item | Standing]) -> Iterator[Item | Standing | Stretch]:
    """Join what stands in order."""
    together: list[Standing] = []
    for one in found:
        if not isinstance(one, Standing) or not _is_plain(one):
            yield from _stretch(together)
            together = []
            yield one
        else:
            if together and not _follows(one, together[-1]):
                yield from _stretch(together)
                together = []
            together.append(one)
    yield from _stretch(together)


def _is_plain(one: Standing) -> bool:
    full = one.chain_hash is not None and not one.by_fence
    return full and one.sound and not one.findings and one.records == 1 and not one.placed


def _follows(one: Standing, before: Standing) -> bool:
    place = before.position
    return (
        one.position == place + 1
        and one.link == (place, before.chain_hash)
        and one.previous_hash is not None
        and (one.previous_hash,) == before.hashes
    )


def _stretch(together: list[Standing]) -> Iterator[Standing | Stretch]:
    if len(together) > 1:
        rest = together[1:]
        began = min((one.began_ms for one in rest if one.began_ms is not None), default=None)
        yield Stretch(together[0], together[-1], began, tuple(action for one in rest for action in one.actions))
    else:
        yield from together
