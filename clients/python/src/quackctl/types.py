"""DuckDB's types as an answer spells them, and the Arrow type that each has for whoever asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from .errors import RENEW, InterfaceError

#: Longest text of a type, characters, and deepest nesting.
_LONGEST = 256 * 1024
_DEEPEST = 64

_TOKEN = re.compile(r"""\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|"(?P<name>(?:[^"]|"")*)"|'(?P<text>(?:[^']|'')*)'|(?P<number>[0-9]+)|(?P<mark>[(),\[\]]))""")

#: Types without parameters, and Arrow's for them. What Arrow lacks is text, as DuckDB writes it.
PLAIN = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "HUGEINT": pa.decimal128(38, 0),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "UHUGEINT": pa.decimal128(38, 0),
    "BIGNUM": pa.string(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "BLOB": pa.binary(),
    "GEOMETRY": pa.binary(),
    "BIT": pa.string(),
    "UUID": pa.string(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIME_NS": pa.time64("ns"),
    "TIME WITH TIME ZONE": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_S": pa.timestamp("s"),
    "TIMESTAMP_MS": pa.timestamp("ms"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "INTERVAL": pa.month_day_nano_interval(),
    "NULL": pa.int32(),
}


@dataclass(frozen=True)
class SqlType:
    """A type: `kind` is a plain one's name, or DECIMAL, ENUM, LIST, ARRAY, MAP, STRUCT or UNION."""

    kind: str
    #: Of nested types, what they are made of, by name; the names of lists and maps are empty.
    children: tuple[tuple[str, SqlType], ...] = ()
    #: Of an ENUM.
    values: tuple[str, ...] = ()
    #: Of a DECIMAL, digits in all and after the point; of an ARRAY, how many elements.
    width: int = 0
    scale: int = 0

    @property
    def child(self) -> SqlType:
        """What a list is of."""
        return self.children[0][1]

    def is_row(self) -> bool:
        """Whether it is a STRUCT whose fields have no names."""
        return self.kind == "STRUCT" and all(not name for name, _ in self.children)

    def arrow(self, inside: bool = False) -> pa.DataType:
        """Arrow's type for it. `inside` of others an ENUM is text, as others read no dictionaries there."""
        if self.kind in PLAIN:
            return PLAIN[self.kind]
        if self.kind == "DECIMAL":
            return pa.decimal128(self.width, self.scale)
        if self.kind == "ENUM":
            return pa.string() if inside else pa.dictionary(self.index(), pa.string())
        inner = [own.arrow(True) for _, own in self.children]
        if self.kind == "LIST":
            return pa.list_(inner[0])
        if self.kind == "ARRAY":
            return pa.list_(inner[0], self.width)
        if self.kind == "MAP":
            return pa.map_(inner[0], inner[1])
        fields = [pa.field(name, own) for name, own in zip(self.names(), inner)]
        return pa.struct(fields) if self.kind == "STRUCT" else pa.sparse_union(fields)

    def names(self) -> list[str]:
        """Names of a STRUCT's fields or a UNION's members; those without are numbered, as SQL does it."""
        return [name or str(at + 1) for at, (name, _) in enumerate(self.children)]

    def index(self) -> pa.DataType:
        """Of an ENUM, the integers that stand for its values, as DuckDB has them."""
        count = len(self.values)
        return pa.uint8() if count < 2**8 else pa.uint16() if count < 2**16 else pa.uint32()


def parse(text: str) -> SqlType:
    """The type that `text` spells.

    Raises `InterfaceError` for one that DuckDB does not have.
    """
    parser = _Parser(text)
    sql_type = parser.sql_type(0)
    parser.end()
    return sql_type


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        if len(text) > _LONGEST:
            raise self.wrong()

    def wrong(self) -> InterfaceError:
        return InterfaceError(f"{self.text[:80]!r} is no type that this version knows", RENEW)

    def peek(self) -> tuple[str, str]:
        found = _TOKEN.match(self.text, self.at)
        return ("", "") if found is None or found.lastgroup is None else (found.lastgroup, found.group(found.lastgroup))

    def next(self, group: str) -> str:
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastgroup != group:
            raise self.wrong()
        self.at = found.end()
        return found.group(group)

    def mark(self, mark: str) -> bool:
        if self.peek() != ("mark", mark):
            return False
        self.next("mark")
        return True

    def expect(self, mark: str) -> None:
        if not self.mark(mark):
            raise self.wrong()

    def end(self) -> None:
        if self.text[self.at :].strip():
            raise self.wrong()

    def sql_type(self, depth: int) -> SqlType:
        if depth > _DEEPEST:
            raise self.wrong()
        sql_type = self.base(depth)
        while self.mark("["):
            depth += 1
            if depth > _DEEPEST:
                raise self.wrong()
            if self.mark("]"):
                sql_type = SqlType("LIST", (("", sql_type),))
                continue
            length = int(self.next("number")[:7])
            self.expect("]")
            if not 0 < length <= 100_000:
                raise self.wrong()
            sql_type = SqlType("ARRAY", (("", sql_type),), width=length)
        return sql_type

    def base(self, depth: int) -> SqlType:
        group, word = self.peek()
        if (group, word) == ("name", "NULL"):
            self.next("name")
            return SqlType("NULL")
        word = self.next("word").upper()
        while self.peek()[0] == "word":
            word += " " + self.next("word").upper()
        if word == "DECIMAL":
            self.expect("(")
            width = int(self.next("number")[:3])
            self.expect(",")
            scale = int(self.next("number")[:3])
            self.expect(")")
            if not 0 < width <= 38 or scale > width:
                raise self.wrong()
            return SqlType("DECIMAL", width=width, scale=scale)
        if word == "ENUM":
            self.expect("(")
            values = [self.next("text").replace("''", "'")]
            while self.mark(","):
                values.append(self.next("text").replace("''", "'"))
            self.expect(")")
            if len(set(values)) < len(values):
                raise self.wrong()
            return SqlType("ENUM", values=tuple(values))
        if word == "GEOMETRY" and self.mark("("):
            self.next("text")
            self.expect(")")
        if word in PLAIN:
            return SqlType(word)
        if word not in ("MAP", "STRUCT", "UNION"):
            raise self.wrong()
        self.expect("(")
        children = [self.field(depth + 1)]
        while self.mark(","):
            children.append(self.field(depth + 1))
        self.expect(")")
        names = [name for name, _ in children]
        is_named = [bool(name) for name in names]
        if word == "MAP":
            if len(children) != 2 or any(is_named):
                raise self.wrong()
        elif not all(is_named) and any(is_named) or all(is_named) and len({name.lower() for name in names}) < len(names):
            raise self.wrong()
        return SqlType(word, tuple(children))

    def field(self, depth: int) -> tuple[str, SqlType]:
        group, word = self.peek()
        if group == "name":
            at = self.at
            self.next("name")
            # A type may be quoted, too: NULL's is.
            if self.peek()[0] in ("word", "name"):
                return word.replace('""', '"'), self.sql_type(depth)
            self.at = at
        return "", self.sql_type(depth)
