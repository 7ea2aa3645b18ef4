"""DuckDB's own texts of values, of what neither Arrow nor Python's `datetime` holds: written of numbers and bytes, and read."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Optional

#: Where a TIME WITH TIME ZONE counts its zone from, seconds.
_MOST_OFFSET = 15 * 3600 + 59 * 60 + 59

_INTERVAL = re.compile(r"(?:(-?\d+) years?)? ?(?:(-?\d+) months?)? ?(?:(-?\d+) days?)? ?(?:(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?)?")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_ZONE = re.compile(r"([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?")


def of_uuid(value: bytes) -> str:
    """Sixteen bytes as a UUID."""
    return str(uuid.UUID(bytes=value))


def of_bignum(value: bytes) -> str:
    """A BIGNUM: three bytes that tell its sign and length, and its amount; all of them turned where it is negative."""
    is_negative = value[0] < 0x80
    amount = int.from_bytes(bytes(byte ^ 0xFF for byte in value[3:]) if is_negative else value[3:], "big")
    return ("-" if is_negative and amount else "") + digits(amount)


def digits(amount: int) -> str:
    """A number in decimal digits, however many: Python by itself refuses those of more than 4,300."""
    if amount < 10**4000:
        return str(amount)
    half = int(amount.bit_length() * 0.30103) // 2
    above, below = divmod(amount, 10**half)
    return digits(above) + digits(below).zfill(half)


def of_bits(value: bytes) -> str:
    """A BIT: how many bits of the first byte are none, and the bits."""
    bits = "".join(f"{byte:08b}" for byte in value[1:])
    return bits[value[0] :]


def of_time_tz(value: bytes) -> str:
    """A TIME WITH TIME ZONE: microseconds in the upper 40 bits, the zone's distance from the most easterly in the lower."""
    number = int.from_bytes(value, "little")
    offset = _MOST_OFFSET - (number & 0xFFFFFF)
    hours, rest = divmod(abs(offset), 3600)
    zone = f"{'-' if offset < 0 else '+'}{hours:02}"
    if rest:
        zone += f":{rest // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")
    return clock(number >> 24) + zone


def clock(microseconds: int) -> str:
    """A time of the day, or one that is longer."""
    seconds, rest = divmod(microseconds, 10**6)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + fraction(rest, 6)


def fraction(units: int, places: int) -> str:
    """What stands behind the seconds, without zeros at its end."""
    return f".{units:0{places}}".rstrip("0") if units else ""


def day(days: int) -> str:
    """A day of the Gregorian calendar, counted from 1970-01-01, which goes on before it was there."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    year += era * 400 + (month >= 10)
    rest = f"{(month + 2) % 12 + 1:02}-{of_year - (153 * month + 2) // 5 + 1:02}"
    return f"{year:04}-{rest}" if year > 0 else f"{1 - year:04}-{rest} (BC)"


def moment(units: int, places: int) -> str:
    """A TIMESTAMP of so many places behind its seconds."""
    seconds, rest = divmod(units, 10**places)
    days, second = divmod(seconds, 86_400)
    return f"{day(days)} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" + fraction(rest, places)


def interval(months: int, days: int, microseconds: int) -> str:
    """An INTERVAL."""
    years, months = int(months / 12), months - int(months / 12) * 12
    named = ((years, "year"), (months, "month"), (days, "day"))
    parts = [f"{count} {name}{'' if abs(count) == 1 else 's'}" for count, name in named if count]
    if microseconds or not parts:
        parts.append(("-" if microseconds < 0 else "") + clock(abs(microseconds)))
    return " ".join(parts)


def to_interval(text: str) -> tuple[int, int, int]:
    """Months, days and nanoseconds of an INTERVAL's text; `ValueError` for what is none."""
    found = _INTERVAL.fullmatch(text)
    if found is None or not text:
        raise ValueError(text[:80])
    years, months, days, sign, hours, minutes, seconds, rest = found.groups()
    nanoseconds = (int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)) * 10**9 + int((rest or "").ljust(9, "0"))
    return int(years or 0) * 12 + int(months or 0), int(days or 0), -nanoseconds if sign else nanoseconds


def to_nanoseconds(text: str) -> int:
    """Nanoseconds of a TIME_NS's text; `ValueError` for what is none."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text[:80])
    hours, minutes, seconds, rest = found.groups()
    return (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 10**9 + int((rest or "").ljust(9, "0"))


def to_time_tz(text: str) -> Optional[dt.time]:
    """A TIME WITH TIME ZONE's text as Python's time; nothing where that holds none, as at 24:00:00."""
    found = _CLOCK.match(text)
    zone = _ZONE.fullmatch(text, found.end()) if found is not None else None
    if found is None or zone is None or int(found.group(1)) > 23:
        return None
    hours, minutes, seconds, rest = found.groups()
    sign, *offset = zone.groups()
    distance = dt.timedelta(hours=int(offset[0]), minutes=int(offset[1] or 0), seconds=int(offset[2] or 0))
    tz = dt.timezone(-distance if sign == "-" else distance)
    return dt.time(int(hours), int(minutes), int(seconds), int((rest or "").ljust(6, "0")[:6]), tzinfo=tz)
