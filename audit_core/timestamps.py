"""RFC 3339 times to the nanosecond, as FORMAT 3.1 wants them.

`datetime` stops at microseconds, drops the rest silently and refuses second 60, so a `Timestamp` is its own value: the
text as it was given, and the instant it means. Turning one into words for a person is left to the pages.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache, total_ordering

from audit_core.errors import TimestampError

__all__ = ["Clock", "Timestamp", "moment", "normalised_nanos"]

NANOS_PER_SECOND = 1_000_000_000
NANOS_PER_MILLI = 1_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_SECONDS_PER_DAY = 86_400
_WITHOUT_FRACTION = len("2026-01-15T10:00:00+00:00")
_LAST_DIGIT = {_WITHOUT_FRACTION: NANOS_PER_SECOND, 29: 1_000_000, 32: 1_000, 35: 1}
"""Nanoseconds of the last digit of a normalised time, by the length of its text."""
_LEAP_SECOND = 60
_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_NORMALISED = re.compile(r"[-0-9]{10}T[0-9:]{8}(?:\.(?:[0-9]{3}){1,3}(?<!000))?\+00:00")
"""What a valid time looks like that needs no rendering; digits are where they are in any valid one."""

_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_EXPECTED = "give an RFC 3339 time with an offset, such as 2026-01-15T10:00:00.5Z"
_MIN_SECONDS = (1 - _EPOCH_ORDINAL) * _SECONDS_PER_DAY
_MAX_SECONDS = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * _SECONDS_PER_DAY - 1


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Timestamp:
    """An instant, with the text that it was read from.

    `text` (str) is kept as given, since what is stored is what is shown. `seconds` (int) are epoch seconds, where
    second 60 counts as 59 with `leap` set; `nanos` (int) is the fraction, 0 to 999,999,999.
    """

    text: str
    seconds: int
    nanos: int
    leap: bool = False

    @staticmethod
    def parse(text: str) -> Timestamp:
        """Read an RFC 3339 text; digits past the ninth of the fraction are cut (FORMAT 3.1).

        Raises `TimestampError` for anything else, a time without an offset included.
        """
        return _parse(text)

    @classmethod
    def from_nanos(cls, epoch_nanos: int) -> Timestamp:
        """Make one from integer nanoseconds since the epoch; its text is the normalised one.

        Raises `TimestampError` outside the years 1 to 9999.
        """
        seconds, nanos = divmod(epoch_nanos, NANOS_PER_SECOND)
        if not _MIN_SECONDS <= seconds <= _MAX_SECONDS:
            message = f"{epoch_nanos} nanoseconds since 1970 fall outside the years 1 to 9999."
            raise TimestampError(message)
        return cls(_render(seconds, nanos, leap=False), seconds, nanos)

    @classmethod
    def from_datetime(cls, value: datetime) -> Timestamp:
        """Make one from a `datetime` that knows its offset.

        Raises `TimestampError` for a naive one, and outside the years 1 to 9999 in UTC.
        """
        if value.utcoffset() is None:
            message = f"{value.isoformat()} has no offset; use a datetime with a time zone, such as datetime.now(UTC)."
            raise TimestampError(message)
        try:
            return cls.parse(value.astimezone(UTC).isoformat())
        except OverflowError as error:
            message = f"{value.isoformat()} falls outside the years 1 to 9999 in UTC; {_EXPECTED}."
            raise TimestampError(message) from error

    @property
    def normalised(self) -> str:
        """UTC as `+00:00`, with 0, 3, 6 or 9 digits of fraction, the fewest that lose nothing (FORMAT 3.1)."""
        if _NORMALISED.fullmatch(self.text):
            return self.text
        return _render(self.seconds, self.nanos, leap=self.leap)

    @property
    def epoch_nanos(self) -> int:
        """Nanoseconds since the epoch; second 60 counts as second 0 of the next minute."""
        return (self.seconds + self.leap) * NANOS_PER_SECOND + self.nanos

    @property
    def epoch_ms(self) -> int:
        """Milliseconds since the epoch, rounded down: what `dispatched_at_ms` holds (FORMAT 2, 3.1)."""
        return self.epoch_nanos // NANOS_PER_MILLI

    @property
    def epoch_seconds(self) -> int:
        """Seconds since the epoch, rounded down, second 60 as 59: what `expires_at_ttl` holds (FORMAT 2, 3.1)."""
        return self.seconds

    def plus_seconds(self, seconds: float) -> Timestamp:
        """Return the instant so many seconds later."""
        return Timestamp.from_nanos(self.epoch_nanos + round(seconds * NANOS_PER_SECOND))

    def __eq__(self, other: object) -> bool:
        """Two are equal when they mean one instant, however they are written."""
        return isinstance(other, Timestamp) and self._key == other._key

    def __lt__(self, other: Timestamp) -> bool:
        """Order by instant."""
        return self._key < other._key

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._key)

    def __str__(self) -> str:
        """Return the text as given."""
        return self.text

    @property
    def _key(self) -> tuple[int, bool, int]:
        return (self.seconds, self.leap, self.nanos)


class Clock:
    """The local clock and its waiting, in one place, so that tests can replace them by a subclass."""

    def now(self) -> Timestamp:
        """Return the wall clock's time."""
        return Timestamp.from_nanos(time.time_ns())

    def monotonic(self) -> float:
        """Return seconds that never go back, for deadlines."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@lru_cache(maxsize=256)  # a verification asks for the same three times of a record again and again
def moment(text: str) -> Timestamp | None:
    """Return the time that a text means, or None when it is none that can be read (`Timestamp.parse`)."""
    try:
        return _parse(text)
    except TimestampError:
        return None


def normalised_nanos(text: str) -> int | None:
    """Return the epoch nanoseconds of a time in its normalised form, as nearly all are written (FORMAT 3.1).

    None says nothing: second 60, and any other text, is left to `Timestamp.parse`.
    """
    length = len(text)
    scale, minute, digits = _LAST_DIGIT.get(length), _minute(text[:16]), text[17:19] + text[20:-6]
    if (
        scale is None
        or minute is None
        or not digits.isdecimal()
        or not digits.isascii()
        or digits >= "6"  # a second past 59
        or text[16] != ":"
        or text[-6:] != "+00:00"
        or (length > _WITHOUT_FRACTION and (text[19] != "." or digits.endswith("000")))
    ):
        return None
    return minute * NANOS_PER_SECOND + int(digits) * scale


@lru_cache(maxsize=256)  # records that follow one another share their minutes
def _minute(text: str) -> int | None:
    """Return the epoch seconds of a minute such as `2026-01-15T10:00`; None for a text that is none."""
    if _MINUTE.fullmatch(text) is None:
        return None
    try:
        since = datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH
    except ValueError:  # no date
        return None
    return since.days * _SECONDS_PER_DAY + since.seconds


@lru_cache(maxsize=256)  # as above
def _parse(text: str) -> Timestamp:
    common = normalised_nanos(text)
    if common is not None:
        return Timestamp(text, *divmod(common, NANOS_PER_SECOND))
    match = _RFC3339.fullmatch(text)
    if match is None:
        message = f"{text[:60]!r} is not a time that can be read; {_EXPECTED}."
        raise TimestampError(message)
    year, month, day, hour, minute, second, fraction, _zulu, sign, off_hour, off_minute = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        days = None
    offset = 0 if sign is None else (int(off_hour) * 3600 + int(off_minute) * 60) * (1 if sign == "+" else -1)
    leap = int(second) == _LEAP_SECOND
    in_range = int(hour) <= 23 and int(minute) <= 59 and int(second) <= _LEAP_SECOND  # noqa: PLR2004 - clock
    offset_in_range = sign is None or (int(off_hour) <= 23 and int(off_minute) <= 59)  # noqa: PLR2004 - clock
    if days is None or not in_range or not offset_in_range:
        message = f"{text[:60]!r} is not a date and time that exists; {_EXPECTED}."
        raise TimestampError(message)
    seconds = days * _SECONDS_PER_DAY + int(hour) * 3600 + int(minute) * 60 + int(second) - leap - offset
    if not _MIN_SECONDS <= seconds <= _MAX_SECONDS:
        message = f"{text[:60]!r} falls outside the years 1 to 9999 in UTC; {_EXPECTED}."
        raise TimestampError(message)
    nanos = int(fraction[:9].ljust(9, "0")) if fraction else 0
    return Timestamp(text, seconds, nanos, leap)


def _render(seconds: int, nanos: int, *, leap: bool) -> str:
    days, rest = divmod(seconds, _SECONDS_PER_DAY)
    day = date.fromordinal(days + _EPOCH_ORDINAL)
    if nanos == 0:
        fraction = ""
    elif nanos % 1_000_000 == 0:
        fraction = f".{nanos // 1_000_000:03d}"
    elif nanos % 1_000 == 0:
        fraction = f".{nanos // 1_000:06d}"
    else:
        fraction = f".{nanos:09d}"
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60 + leap:02d}"
    return f"{day.isoformat()}T{clock}{fraction}+00:00"
