"""The first rows of a result for people: on a terminal, and in a notebook. Nothing in a value is obeyed by either."""

from __future__ import annotations

import html
import math
import shutil
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from .errors import plain
from .text import digits

#: Rows and columns that are shown, and characters of a value.
ROWS, _COLUMNS, _CHARACTERS = 20, 40, 100

#: Characters of a line that are used, however narrow the terminal says that it is.
_LEAST_ROOM = 80


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


def billed(ms: Optional[int], usd: Optional[float]) -> str:
    """Billed time and its price in dollars, with two significant digits however small."""
    if ms is None:
        return ""
    if not usd:
        return f"{ms:,} ms of Lambda"
    decimals = min(max(1 - math.floor(math.log10(usd)), 2), 12)
    return f"{ms:,} ms of Lambda, ${usd:.{decimals}f}"


class Shown(NamedTuple):
    """The first rows of a result, and what is told of it."""

    names: Sequence[str]
    head: Sequence[Sequence[Any]]
    rows: int
    truncated: bool
    billed: str

    def told(self, columns: int) -> str:
        """How many rows and columns there are, beside those that are shown, and what the query cost."""
        counted = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        parts = [f"first {len(self.head):,} of {counted}" if len(self.head) < self.rows else counted]
        if self.truncated:
            parts.append("cut off by the limit: there are more")
        if columns < len(self.names):
            parts.append(f"first {columns} of {len(self.names):,} columns")
        return " · ".join([*parts, self.billed] if self.billed else parts)

    def lines(self) -> list[list[str]]:
        """The names and cells that are shown."""
        return [[cell(value) for value in line[:_COLUMNS]] for line in (self.names, *self.head)]


def as_text(shown: Shown) -> str:
    """A table of characters, of as many columns as the terminal has room for."""
    lines = shown.lines()
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    room = max(shutil.get_terminal_size().columns, _LEAST_ROOM)
    while len(widths) > 1 and sum(widths) + 2 * len(widths) - 2 > room:
        widths.pop()
    drawn = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines]
    drawn.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join([*drawn, f"({shown.told(len(widths))})"] if widths else [f"({shown.told(0)})"])


def as_html(shown: Shown) -> str:
    """A table of HTML."""
    names, *rows = ([html.escape(text) for text in line] for line in shown.lines())
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in line) + "</tr>" for line in rows)
    table = f'<table border="1" class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>' if names else ""
    return f"<div>{table}<p>{html.escape(shown.told(len(names)))}</p></div>"
