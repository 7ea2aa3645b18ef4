"""Rows for Python: columns of Arrow, as `types` has them, as lists of Python's values. What Python's types do not hold is
text, as DuckDB writes it: years before 1 and after 9999, infinite moments, nanoseconds, intervals of months."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Callable, Optional

import pyarrow as pa
import pyarrow.compute as pc

from . import text
from .types import SqlType

_EPOCH = dt.datetime(1970, 1, 1)

#: Days of Python's calendar.
_FIRST_DAY, _LAST_DAY = ((dt.date(year, month, day) - dt.date(1970, 1, 1)).days for year, month, day in ((1, 1, 1), (9999, 12, 31)))

#: DuckDB's infinite days and moments, in units.
_ENDLESS_DAY = 2**31 - 1
_ENDLESS = 2**63 - 1

_PLACES = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def values(array: pa.Array, sql_type: SqlType) -> list[Any]:
    """The values of a column, as it comes from `convert`."""
    found = _KINDS.get(sql_type.kind)
    listed: list[Any] = array.to_pylist() if found is None else found(array, sql_type)
    return listed


def _each(by: Callable[[Any], Any]) -> Callable[[pa.Array, SqlType], list[Any]]:
    return lambda array, _: [None if value is None else by(value) for value in array.to_pylist()]


def _dates(array: pa.Array, _: SqlType) -> list[Any]:
    def date(days: int) -> Any:
        if _FIRST_DAY <= days <= _LAST_DAY:
            return dt.date.fromordinal(days + 719_163)
        return _endless(days, _ENDLESS_DAY) or text.day(days)

    days = array.view(pa.int32())
    if _is_within(days, _FIRST_DAY, _LAST_DAY):
        listed: list[Any] = array.to_pylist()
        return listed
    return [None if value is None else date(value) for value in days.to_pylist()]


def _moments(array: pa.Array, _: SqlType) -> list[Any]:
    unit, is_zoned = array.type.unit, array.type.tz is not None
    places, zone = _PLACES[unit], dt.timezone.utc if is_zoned else None
    units, per_day = array.view(pa.int64()), 86_400 * 10**_PLACES[unit]

    def moment(value: int) -> Any:
        if _FIRST_DAY * per_day <= value < (_LAST_DAY + 1) * per_day and (places < 9 or value % 1000 == 0):
            whole = value // 1000 if places == 9 else value * 10 ** (6 - places)
            return (_EPOCH + dt.timedelta(microseconds=whole)).replace(tzinfo=zone)
        return _endless(value, _ENDLESS) or text.moment(value, places) + ("+00" if is_zoned else "")

    if places < 9 and _is_within(units, _FIRST_DAY * per_day, (_LAST_DAY + 1) * per_day - 1):
        plain = units.view(pa.timestamp(unit)).to_pylist()
        return [None if value is None else value.replace(tzinfo=zone) for value in plain] if is_zoned else plain
    return [None if value is None else moment(value) for value in units.to_pylist()]


def _times(array: pa.Array, _: SqlType) -> list[Any]:
    per_micro = 1000 if array.type.unit == "ns" else 1

    def time(value: int) -> Any:
        micros, rest = divmod(value, per_micro)
        if rest or not 0 <= micros < 86_400 * 10**6:
            return text.clock(micros) if not rest else text.clock(micros // 10**6 * 10**6) + text.fraction(value % 10**9, 9)
        return (_EPOCH + dt.timedelta(microseconds=micros)).time()

    return [None if value is None else time(value) for value in array.view(pa.int64()).to_pylist()]


def _interval(value: Any) -> Any:
    months, days, nanoseconds = value
    if months or abs(days) > 10**9 - 10**6:
        return text.interval(months, days, _whole(nanoseconds))
    return dt.timedelta(days=days, microseconds=_whole(nanoseconds))


def _whole(nanoseconds: int) -> int:
    """DuckDB's intervals have microseconds."""
    return nanoseconds // 1000


def _endless(value: int, endless: int) -> Optional[str]:
    return {endless: "infinity", -endless: "-infinity"}.get(value)


def _is_within(numbers: pa.Array, least: int, most: int) -> bool:
    ends = pc.min_max(numbers).as_py()
    return ends["min"] is None or least <= ends["min"] and ends["max"] <= most


def _lists(array: pa.Array, sql_type: SqlType) -> list[Any]:
    items, offsets = values(array.values, sql_type.child), array.offsets.to_pylist()
    return [items[start:end] if is_there else None for is_there, start, end in zip(array.is_valid().to_pylist(), offsets, offsets[1:])]


def _arrays(array: pa.Array, sql_type: SqlType) -> list[Any]:
    width, first = sql_type.width, array.offset
    items = values(array.values, sql_type.child)
    there = array.is_valid().to_pylist()
    return [items[(first + at) * width : (first + at + 1) * width] if is_there else None for at, is_there in enumerate(there)]


def _maps(array: pa.Array, sql_type: SqlType) -> list[Any]:
    keys, items = (values(side, own) for side, (_, own) in zip((array.keys, array.items), sql_type.children))
    offsets = array.offsets.to_pylist()

    def pairs(start: int, end: int) -> Any:
        found = list(zip(keys[start:end], items[start:end]))
        try:
            return dict(found)
        except TypeError:
            # A key that is a list or a dict is none of Python's.
            return found

    return [pairs(start, end) if is_there else None for is_there, start, end in zip(array.is_valid().to_pylist(), offsets, offsets[1:])]


def _structs(array: pa.Array, sql_type: SqlType) -> list[Any]:
    columns = [values(array.field(at), own) for at, (_, own) in enumerate(sql_type.children)]
    rows: Any = zip(*columns)
    if not sql_type.is_row():
        names = sql_type.names()
        rows = (dict(zip(names, row)) for row in rows)
    return [row if is_there else None for is_there, row in zip(array.is_valid().to_pylist(), rows)]


def _unions(array: pa.Array, sql_type: SqlType) -> list[Any]:
    columns = [values(array.field(at), own) for at, (_, own) in enumerate(sql_type.children)]
    return [columns[code][at] for at, code in enumerate(array.type_codes.to_pylist())]


_KINDS: dict[str, Callable[[pa.Array, SqlType], list[Any]]] = {
    "HUGEINT": _each(int),
    "UHUGEINT": _each(int),
    "BIGNUM": _each(lambda value: _integer(value)),
    "UUID": _each(uuid.UUID),
    "TIME WITH TIME ZONE": _each(lambda value: text.to_time_tz(value) or value),
    "DATE": _dates,
    "TIME": _times,
    "TIME_NS": _times,
    "TIMESTAMP": _moments,
    "TIMESTAMP_S": _moments,
    "TIMESTAMP_MS": _moments,
    "TIMESTAMP_NS": _moments,
    "TIMESTAMP WITH TIME ZONE": _moments,
    "INTERVAL": _each(_interval),
    "LIST": _lists,
    "ARRAY": _arrays,
    "MAP": _maps,
    "STRUCT": _structs,
    "UNION": _unions,
}


def _integer(digits: str) -> int:
    """A number of however many digits: Python by itself refuses more than 4,300."""
    if len(digits) <= 4000:
        return int(digits)
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    half = len(digits) // 2
    shift: int = 10 ** (len(digits) - half)
    return sign * (_integer(digits[:half]) * shift + _integer(digits[half:]))
