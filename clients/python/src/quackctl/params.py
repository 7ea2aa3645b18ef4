"""Parameters: what Python has, as text that DuckDB casts to a type. They are bound by the engine; SQL gets the cast around
`$name`, whose type is one of a fixed list, and never the value."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional, Union

from .errors import DataError, ProgrammingError
from .sqltext import places, replaced

#: What `params` may be: values by name for `$name`, or in order for `?` and `$1`.
Params = Union[Mapping[str, Any], Sequence[Any], None]

#: Digits that a DECIMAL has at most.
_DIGITS = 38

#: Integers, from the smallest; what is larger yet is a BIGNUM.
_INTEGERS = (
    ("INTEGER", -(2**31), 2**31),
    ("BIGINT", -(2**63), 2**63),
    ("HUGEINT", -(2**127), 2**127),
    ("UHUGEINT", 0, 2**128),
)

#: Lists in lists, at most.
_DEPTH = 32


class Bound(NamedTuple):
    """A value as text, or NULL, and the type that it is cast to; a text without a type is what DuckDB makes of it there."""

    text: Optional[str]
    sql_type: Optional[str]


def bind(sql: str, params: Params) -> tuple[str, dict[str, Optional[str]]]:
    """The SQL with a cast around each parameter, and the values by name.

    Raises `ProgrammingError` where SQL and `params` do not fit, and `DataError` for a value that no type holds.
    """
    found = list(places(sql))
    wanted = {place.name for place in found}
    if len({place.statement for place in found if place.name.isdigit()}) > 1:
        raise ProgrammingError("`?` and `$1` count anew in each statement, and these are several", "name the parameters: $day")
    if params is None:
        if wanted:
            raise ProgrammingError(f"the SQL has the parameter {_shown(min(wanted))}, and there are no params", _EXAMPLE)
        return sql, {}
    given = _by_name(params)
    # DuckDB does not tell names by their case.
    known = {name.lower() for name in given}
    if len(known) < len(given):
        raise ProgrammingError("two parameters have one name: DuckDB does not tell $a from $A")
    if missing := sorted(name for name in wanted if name.lower() not in known):
        raise ProgrammingError(f"the SQL has the parameter {_shown(missing[0])}, which params give no value", _EXAMPLE)
    if extra := sorted(known - {name.lower() for name in wanted}):
        raise ProgrammingError(f"params have {extra[0]!r}, and the SQL no ${extra[0]}", _EXAMPLE)
    bound = {name.lower(): value_of(value, f"parameter {_shown(name)}") for name, value in given.items()}

    def cast(name: str) -> str:
        sql_type = bound[name.lower()].sql_type
        if sql_type is None:
            return f"${name}"
        element = sql_type.rstrip("[]")
        if element == sql_type:
            return f"CAST(${name} AS {sql_type})"
        # A list is a JSON of texts: DuckDB's own text of one does not tell all texts apart.
        texts = f"CAST(CAST(${name} AS JSON) AS VARCHAR{sql_type[len(element) :]})"
        return texts if element == "VARCHAR" else f"CAST({texts} AS {sql_type})"

    return replaced(sql, cast), {name: value.text for name, value in bound.items()}


_EXAMPLE = 'give params={"day": ...} for $day, or params=[...] for each ? or $1'


def _shown(name: str) -> str:
    return f"${name}"


def _by_name(params: Params) -> dict[str, Any]:
    if isinstance(params, Mapping):
        if odd := next((name for name in params if not isinstance(name, str) or not name), None):
            raise ProgrammingError(f"the name of a parameter is a text, and not {odd!r}", _EXAMPLE)
        return dict(params)
    if isinstance(params, (str, bytes)) or not isinstance(params, Sequence):
        raise ProgrammingError(f"params are values by name or in order, and not {params!r:.80}", _EXAMPLE)
    return {str(at + 1): value for at, value in enumerate(params)}


def value_of(value: Any, what: str = "the value") -> Bound:
    """A Python value as text, and its DuckDB type."""
    if not _is_list(value):
        return _value(value, what)
    texts, element = _list(value, what, _DEPTH)
    # A list of nothing is one of texts, as deep as it is.
    element = element if element.rstrip("[]") else f"VARCHAR{element}"
    return Bound(json.dumps(texts, ensure_ascii=False), f"{element}[]")


def _is_list(value: Any) -> bool:
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return bool(getattr(value, "ndim", 0))
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _value(value: Any, what: str) -> Bound:
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = _of_numpy(value)
    # pandas has values for nothing that are no values, and not None: NaT, NA.
    if value is None or (type(value).__module__.startswith("pandas.") and type(value).__name__ in ("NaTType", "NAType")):
        return Bound(None, None)
    if isinstance(value, bool):
        return Bound("true" if value else "false", "BOOLEAN")
    if isinstance(value, int):
        number = int(value)
        fitting = (name for name, least, end in _INTEGERS if least <= number < end)
        return Bound(_digits(number, what), next(fitting, "BIGNUM"))
    if isinstance(value, float):
        return Bound(repr(float(value)), "DOUBLE")
    if isinstance(value, decimal.Decimal):
        return _decimal(value, what)
    if isinstance(value, str):
        return Bound(_text(str(value), what), None)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Bound("".join(f"\\x{byte:02X}" for byte in bytes(value)), "BLOB")
    if isinstance(value, dt.datetime):
        return _datetime(value)
    if isinstance(value, dt.date):
        return Bound(value.isoformat(), "DATE")
    if isinstance(value, dt.time):
        zone = value.utcoffset()
        if value.tzinfo is not None and zone is None:
            raise DataError(f"{what} is {value!r}, a time in a zone that has no offset without a date", "give the time an offset of its own")
        return Bound(value.isoformat(), "TIME" if zone is None else "TIME WITH TIME ZONE")
    if isinstance(value, dt.timedelta):
        # Days stay days, as Python has them.
        return Bound(f"{value.days} days {value.seconds * 10**6 + value.microseconds} microseconds", "INTERVAL")
    if isinstance(value, uuid.UUID):
        return Bound(str(value), "UUID")
    raise ProgrammingError(
        f"{what} is a {type(value).__name__}, which has no type in DuckDB: {value!r:.80}",
        "give None, a bool, int, float, Decimal, str, bytes, date, time, datetime, timedelta, UUID or a list of them; JSON as a str and "
        "CAST($name AS JSON)",
    )


def _of_numpy(value: Any) -> Any:
    """A scalar of numpy's as Python has it; times keep their nanoseconds."""
    if value.dtype.kind == "M":
        nanoseconds = value.astype("datetime64[ns]").astype("int64").item()
        return None if str(value) == "NaT" else _Instant(nanoseconds)
    return value.item()


class _Instant(dt.datetime):
    """A moment with nanoseconds, as pandas' Timestamp."""

    nanosecond: int

    def __new__(cls, nanoseconds: int) -> _Instant:
        whole = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=nanoseconds // 1000)
        made = super().__new__(cls, whole.year, whole.month, whole.day, whole.hour, whole.minute, whole.second, whole.microsecond)
        made.nanosecond = nanoseconds % 1000
        return made


def _digits(number: int, what: str) -> str:
    try:
        return str(number)
    except ValueError as error:
        # Python's own limit.
        raise DataError(f"{what} is a number of too many digits: {error}") from error


def _text(text: str, what: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{what} is no text that UTF-8 has: {error}", "give bytes for what is no text") from error
    return text


def _decimal(value: decimal.Decimal, what: str) -> Bound:
    if not value.is_finite():
        raise DataError(f"{what} is {value}, which no DECIMAL holds", "give float(...), which is a DOUBLE")
    exponent = int(value.as_tuple().exponent)
    scale = max(-exponent, 0)
    width = max(len(value.as_tuple().digits) + max(exponent, 0), scale, 1)
    if width > _DIGITS:
        raise DataError(f"{what} is {value!s:.80}, and a DECIMAL has {_DIGITS} digits at most", "round it, or give float(...)")
    return Bound(f"{value:f}", f"DECIMAL({width},{scale})")


def _datetime(value: dt.datetime) -> Bound:
    nanosecond = int(getattr(value, "nanosecond", 0) or 0)
    offset = value.utcoffset()
    # Offsets of the eighteenth century have seconds, which DuckDB does not read.
    naive = (value - offset if offset is not None else value).replace(tzinfo=None)
    text = f"{naive.year:04}-{naive.month:02}-{naive.day:02} {naive.hour:02}:{naive.minute:02}:{naive.second:02}.{naive.microsecond:06}"
    if offset is not None:
        return Bound(f"{text}+00", "TIMESTAMP WITH TIME ZONE")
    return Bound(f"{text}{nanosecond:03}", "TIMESTAMP_NS") if nanosecond else Bound(text, "TIMESTAMP")


def _list(items: Any, what: str, depth: int) -> tuple[list[Any], str]:
    """The texts of a list's elements, in lists as they are, and the type of an element; of lists of nothing, no type's name."""
    if depth == 0:
        raise ProgrammingError(f"{what} has lists in lists, more than {_DEPTH} deep")
    texts: list[Any] = []
    types = []
    for item in items if isinstance(items, Sequence) else items.tolist():
        if _is_list(item):
            inner, element = _list(item, what, depth - 1)
            texts.append(inner)
            types.append(f"{element}[]")
            continue
        bound = _value(item, f"an element of {what}")
        texts.append(bound.text)
        if bound.text is not None:
            types.append(bound.sql_type or "VARCHAR")
    return texts, _common(types, what)


def _common(types: list[str], what: str) -> str:
    """The type that takes them all; nothing's is empty."""
    different = list(dict.fromkeys(name for name in types if name))
    if len(different) <= 1:
        return different[0] if different else ""
    integers = [name for name, _, _ in _INTEGERS] + ["BIGNUM"]
    if all(name in integers for name in different):
        # A negative number beside one that only UHUGEINT holds.
        largest = max(different, key=integers.index)
        return "BIGNUM" if largest == "UHUGEINT" else largest
    if all(name in integers or name.startswith("DECIMAL") for name in different):
        parts = [(len(str(2**63)), 0) if name in integers else _parts(name) for name in different]
        whole, scale = max(width - scale for width, scale in parts), max(scale for _, scale in parts)
        if whole + scale <= _DIGITS and not set(different) & set(integers[2:]):
            return f"DECIMAL({whole + scale},{scale})"
        raise DataError(f"{what} has numbers that no one DECIMAL holds", "round them, or give float(...)")
    if all(name in integers or name.startswith("DECIMAL") or name == "DOUBLE" for name in different):
        return "DOUBLE"
    if set(different) <= {"TIMESTAMP", "TIMESTAMP_NS", "DATE"}:
        return "TIMESTAMP_NS" if "TIMESTAMP_NS" in different else "TIMESTAMP"
    if all(name.endswith("[]") for name in different):
        return _common([name[:-2] for name in different], what) + "[]"
    raise ProgrammingError(f"{what} has values of different types: {', '.join(different)}", "give a list of one type")


def _parts(name: str) -> tuple[int, int]:
    width, scale = name[len("DECIMAL(") : -1].split(",")
    return int(width), int(scale)

