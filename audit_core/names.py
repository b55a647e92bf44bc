"""Names: of tenants, callers, providers; what of them cannot be seen, and which of them look alike.

A chain is named by `ns_tenant`, which keeps the pair of namespace and tenant unambiguous (FORMAT 1). Whether a
record's names may be written is decided in `records`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

from audit_core.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["hidden_characters", "look_alikes", "ns_tenant", "require_text", "visible"]

MAX_NS_TENANT_BYTES = 1900
MAX_NAMESPACE_CHARS = 255
_HIDDEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
# what else Unicode's Default_Ignorable_Code_Point holds: joiners, fillers and variation selectors, which take no room
_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")


def ns_tenant(namespace: str, tenant: str) -> str:
    """Return `{namespace}#{tenant}`; raises `RecordError` where the pair would be ambiguous or too long (FORMAT 1)."""
    for name, value in (("namespace", namespace), ("tenant", tenant)):
        require_text(name, value)
        if not value:
            message = f"{name} is empty; every record belongs to a namespace and a tenant."
            raise RecordError(message)
    if "#" in namespace or len(namespace) > MAX_NAMESPACE_CHARS:
        message = (
            f"A namespace is 1 to {MAX_NAMESPACE_CHARS} characters without '#'; choose another than {namespace[:40]!r}."
        )
        raise RecordError(message)
    pair = f"{namespace}#{tenant}"
    if len(pair.encode()) > MAX_NS_TENANT_BYTES:
        message = f"Namespace and tenant together exceed {MAX_NS_TENANT_BYTES} bytes; choose shorter names."
        raise RecordError(message)
    return pair


def hidden_characters(text: str) -> tuple[str, ...]:
    """Name the control, format, bidi and line-separating characters of a text, in order (CASES 4)."""
    if text.isascii() and text.isprintable():
        return ()
    return tuple(
        f"U+{ord(character):04X} {unicodedata.name(character, 'CONTROL')}"
        for character in text
        if _is_hidden(character)
    )


def visible(text: str) -> str:
    r"""Return the text with hidden characters escaped as `\u{200B}`, for logs, terminals and pages (CASES 4, 51)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"\\u{{{ord(character):04X}}}" if _is_hidden(character) else character for character in text)


def look_alikes(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return, for each name that another one could be taken for, the others.

    Two names look alike when their UTS 39 skeletons agree; NFC and NFD forms of one name do, so do Latin and Cyrillic
    letters of one shape, `0` and `O`, `rn` and `m`, and upper and lower case (CASES 5).
    """
    import disarm  # noqa: PLC0415 - its tables are loaded only where names are compared

    groups: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        skeleton = disarm.skeleton_key(name, digit_policy="tr39")
        groups[skeleton.replace("m", "rn")].append(name)  # UTS 39 folds these two, disarm leaves them apart
    return {
        name: tuple(other for other in group if other != name)
        for group in groups.values()
        if len(group) > 1
        for name in group
    }


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN_CATEGORIES or _IGNORABLE.match(character) is not None


def require_text(name: str, value: object) -> None:
    """Raise `RecordError` for what is no text, or holds a lone surrogate (CASES 6)."""
    if not isinstance(value, str):
        message = f"{name} is {type(value).__name__}; it must be text."
        raise RecordError(message)
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        message = f"{name} holds a lone surrogate, which is not valid Unicode; replace it."
        raise RecordError(message) from error
