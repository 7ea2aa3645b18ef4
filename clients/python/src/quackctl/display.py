"""The first rows of a result for people: on a terminal, and in a notebook. Nothing in a value is obeyed by either."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from .errors import plain
from .text import digits

#: Rows and columns that are shown, and characters of a value.
ROWS, _COLUMNS, _CHARACTERS = 20, 40, 100


def cell(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return "NULL"
    if isinstance(value, (bytes, bytearray)):
        text = repr(bytes(value[:_CHARACTERS]))
    elif isinstance(value, str):
        text = value[: _CHARACTERS + 1]
    elif isinstance(value, int) and not isinstance(value, bool):
        text = ("-" if value < 0 else "") + digits(abs(value))
    else:
        try:
            text = str(value)
        except ValueError:
            # A number of more digits than Python writes, in a list.
            text = "…"
    text = plain(text).replace("\n", "\\n").replace("\t", "\\t")
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


def _cut(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[list[str]]]:
    """The names and cells that are shown."""
    shown = [[cell(value) for value in row[:_COLUMNS]] for row in rows]
    return [cell(name) for name in names[:_COLUMNS]], shown


def summary(shown: int, rows: int, columns: int, truncated: bool, cost: str) -> str:
    """How many rows and columns there are beside those that are shown, and what the query cost."""
    counted = f"{rows:,} row{'' if rows == 1 else 's'}"
    parts = [f"first {shown:,} of {counted}" if shown < rows else counted]
    if truncated:
        parts.append("cut off by the limit: there are more")
    if columns > _COLUMNS:
        parts.append(f"first {_COLUMNS} of {columns:,} columns")
    return " · ".join([*parts, cost] if cost else parts)


def as_text(names: Sequence[str], rows: Sequence[Sequence[Any]], told: str) -> str:
    """A table of characters."""
    heads, cells = _cut(names, rows)
    widths = [max(len(line[at]) for line in [heads, *cells]) for at in range(len(heads))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in [heads, *cells]]
    if heads:
        lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join([*lines, f"({told})"] if heads else [f"({told})"])


def as_html(names: Sequence[str], rows: Sequence[Sequence[Any]], told: str) -> str:
    """A table of HTML."""
    heads, cells = _cut(names, rows)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>" for line in cells)
    table = f'<table border="1" class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>' if heads else ""
    return f"<div>{table}<p>{html.escape(told)}</p></div>"
