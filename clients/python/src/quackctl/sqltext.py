"""SQL as text: just enough of it to find where parameters stand. Values never become part of it."""

from __future__ import annotations

import re
from typing import Callable, Iterator, NamedTuple

#: A piece of SQL in which no parameter is: a comment of one line, a text, a quoted name, a word or a number.
_OTHER = re.compile(
    r"""--[^\n\r]*
      | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
      | '(?:[^']|'')*(?:'|\Z)
      | "(?:[^"]|"")*(?:"|\Z)
      | [A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_$\u0080-\U0010ffff]*
      | [0-9]+
    """,
    re.VERBOSE | re.DOTALL,
)

#: What begins a text between dollars: `$$`, `$tag$`.
_DOLLARS = re.compile(r"\$(?:[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)?\$")

#: A parameter with a name, or with a number.
_NAMED = re.compile(r"\$([A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*|[0-9]+)")


class Place(NamedTuple):
    """Where a parameter stands: from and to, what it is called, `1` of `$1` and of the first `?`, and in which statement."""

    start: int
    end: int
    name: str
    statement: int


def places(sql: str) -> Iterator[Place]:
    """Where parameters stand in `sql`, in their order."""
    at = asked = statement = 0
    while at < len(sql):
        if sql.startswith("/*", at):
            at = _after_comment(sql, at)
        elif (tag := _DOLLARS.match(sql, at)) is not None:
            end = sql.find(tag.group(), tag.end())
            at = len(sql) if end < 0 else end + len(tag.group())
        elif (named := _NAMED.match(sql, at)) is not None:
            yield Place(at, named.end(), named.group(1), statement)
            at = named.end()
        elif sql[at] == "?":
            asked += 1
            yield Place(at, at + 1, str(asked), statement)
            at += 1
        elif sql[at] == ";":
            statement += 1
            at += 1
        else:
            other = _OTHER.match(sql, at)
            at = other.end() if other is not None else at + 1


def _after_comment(sql: str, at: int) -> int:
    """Where the comment that begins there ends; comments nest."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[at:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return len(sql)


def replaced(sql: str, by: Callable[[str], str]) -> str:
    """`sql` with what `by` says in the place of each parameter."""
    pieces, at = [], 0
    for place in places(sql):
        pieces += [sql[at : place.start], by(place.name)]
        at = place.end
    return "".join([*pieces, sql[at:]])
