"""What DB-API 2.0 (PEP 249) wants of a module beside connections: what it is like, kinds of types, makers of values."""

from __future__ import annotations

import datetime as dt
import time

#: The version of DB-API; threads may share the module and connections; parameters are `?`, and `$name` beside that.
apilevel = "2.0"
threadsafety = 2
paramstyle = "qmark"


class TypeKind:
    """A kind of types: equal to each type of it, as `description` has them."""

    def __init__(self, name: str, *types: str) -> None:
        self._name, self._types = name, frozenset(types)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return other.split("(")[0] in self._types and not other.endswith("]")
        return self is other

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return self._name


STRING = TypeKind("STRING", "VARCHAR", "JSON", "ENUM", "UUID", "BIT")
BINARY = TypeKind("BINARY", "BLOB", "GEOMETRY")
NUMBER = TypeKind(
    "NUMBER", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
    "BIGNUM", "FLOAT", "DOUBLE", "DECIMAL",
)
DATETIME = TypeKind(
    "DATETIME", "DATE", "TIME", "TIME_NS", "TIME WITH TIME ZONE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE", "INTERVAL",
)
#: A lake has no such column.
ROWID = TypeKind("ROWID")

Date = dt.date
Time = dt.time
Timestamp = dt.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> dt.date:  # noqa: N802 - the name is DB-API's
    """A date from seconds since the epoch, here."""
    return dt.date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> dt.time:  # noqa: N802
    """A time from seconds since the epoch, here."""
    return dt.time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> dt.datetime:  # noqa: N802
    """A moment from seconds since the epoch, here."""
    return dt.datetime(*time.localtime(ticks)[:6])
