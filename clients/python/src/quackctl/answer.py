"""An answer taken apart: what it tells, and its rows inline or where they were put. Whoever runs in the function's place can
send anything, so nothing of it is used that has not been looked at."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable, Optional

import pyarrow as pa

from .convert import convert
from .errors import RENEW, InterfaceError, OperationalError, of_function, plain
from .service import Invoked
from .types import SqlType, parse

#: What reading raises of what is no stream and no file: names that are no text, too.
UNREADABLE = (pa.ArrowException, ValueError, OverflowError, KeyError, OSError, MemoryError)

#: Most rows or bytes that an answer may tell of, and most columns.
_MOST = 1 << 46
_COLUMNS = 20_000


@dataclass(frozen=True)
class Column:
    """A column's name, and its DuckDB type as a value and as DuckDB spells it."""

    name: str
    sql_type: SqlType
    spelled: str

    @property
    def field(self) -> pa.Field:
        return pa.field(self.name, self.sql_type.arrow())


@dataclass(frozen=True)
class Answer:
    """What a function answered."""

    columns: tuple[Column, ...]
    rows: int
    truncated: bool
    #: Wall time in the function, and whether its instance had answered before.
    time_ms: int
    warm: bool
    #: An Arrow stream, or how large the object is that the rows are in.
    stream: Optional[bytes]
    spilled_bytes: int = 0

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([column.field for column in self.columns])


def unknown(what: object) -> InterfaceError:
    """That an answer is not as a function of ours gives it."""
    return InterfaceError(f"the function's answer is not one that this version knows: {plain(str(what)[:500])}", RENEW)


def read(invoked: Invoked, place: Callable[[], str]) -> Answer:
    """Takes an answer apart; `place` is the address of its rows, where they did not fit it.

    Raises what the function says, and `InterfaceError` for what is no answer.
    """
    try:
        told = json.loads(invoked.payload)
    except (ValueError, RecursionError) as error:
        if invoked.failed:
            raise OperationalError(f"the function failed: {plain(invoked.payload[:2000].decode('utf-8', 'replace'))}", "`quackctl logs`") from error
        raise unknown(error) from error
    if not isinstance(told, dict):
        raise unknown("it is no object")
    if invoked.failed:
        kind, message = told.get("errorType"), told.get("errorMessage")
        raise of_function(kind if isinstance(kind, str) else "", message if isinstance(message, str) else "it does not say why")
    metadata, data = told.get("metadata"), told.get("data")
    if not isinstance(metadata, dict) or not isinstance(data, dict):
        raise unknown("neither metadata nor data")
    columns = tuple(_columns(metadata.get("columns")))
    stream, spilled = data.get("arrow"), data.get("spilled")
    answer: dict[str, Any] = {
        "columns": columns,
        "rows": _count(metadata, "rows"),
        "truncated": metadata.get("truncated") is True,
        "time_ms": _count(metadata, "timeMs"),
        "warm": metadata.get("warm") is True,
    }
    if isinstance(stream, str) and spilled is None:
        try:
            return Answer(stream=base64.b64decode(stream, validate=True), **answer)
        except ValueError as error:
            raise unknown(error) from error
    if not isinstance(spilled, dict) or stream is not None:
        raise unknown("neither rows nor where they are")
    if spilled.get("uri") != place():
        raise unknown(f"its rows are at {str(spilled.get('uri'))[:200]!r}, and not where they were to go")
    return Answer(stream=None, spilled_bytes=_count(spilled, "bytes"), **answer)


def _columns(told: Any) -> Iterator[Column]:
    if not isinstance(told, list) or len(told) > _COLUMNS:
        raise unknown("it tells of no columns, or of too many")
    names = set()
    for column in told:
        name, spelled = (column.get("name"), column.get("type")) if isinstance(column, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(spelled, str) or name in names:
            raise unknown("a column has no name, or another's")
        names.add(name)
        yield Column(name, parse(spelled), spelled)


def _count(told: dict[str, Any], name: str) -> int:
    number = told.get(name)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST:
        raise unknown(f"{name} is {str(number)[:80]}")
    return number


def batches(stream: bytes, answer: Answer) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow stream, as many as were told.

    Raises `InterfaceError` for what is no such stream.
    """
    left = answer.rows
    try:
        with pa.ipc.open_stream(pa.BufferReader(stream)) as reader:
            for batch in reader:
                check(batch)
                left -= batch.num_rows
                if left < 0:
                    raise unknown(f"it has more than the {answer.rows} rows that it tells of")
                yield converted(batch, answer)
    except UNREADABLE as error:
        raise unknown(error) from error
    if left:
        raise unknown(f"it has {left} rows less than it tells of")


def check(batch: pa.RecordBatch) -> None:
    """Looks at all of a batch: who reads one takes offsets, indices and lengths as they come.

    Raises `pyarrow.ArrowInvalid`.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        # DuckDB has 24:00:00, and Arrow no such time: they may be any number.
        for array in batch.columns:
            plain_type = _timeless(array.type)
            (array if plain_type == array.type else array.view(plain_type)).validate(full=True)


def _timeless(own: pa.DataType) -> pa.DataType:
    """The type of the same bytes with numbers for times."""
    if pa.types.is_time64(own):
        return pa.int64()
    if pa.types.is_map(own):
        return pa.map_(_timeless(own.key_type), _timeless(own.item_type))
    if pa.types.is_list(own):
        return pa.list_(own.value_field.with_type(_timeless(own.value_type)))
    if pa.types.is_fixed_size_list(own):
        return pa.list_(own.value_field.with_type(_timeless(own.value_type)), own.list_size)
    if pa.types.is_struct(own):
        return pa.struct([field.with_type(_timeless(field.type)) for field in own])
    return own


def converted(batch: pa.RecordBatch, answer: Answer) -> pa.RecordBatch:
    """A batch as it came, as `types` has it.

    Raises `InterfaceError` for one of other columns than were told, and `DataError` for a value that Arrow's type does not hold.
    """
    if batch.schema.names != [column.name for column in answer.columns]:
        raise unknown("it has other columns than were told")
    arrays = [convert(array, column.sql_type) for array, column in zip(batch.columns, answer.columns)]
    if not arrays:
        return batch
    return pa.RecordBatch.from_arrays(arrays, schema=answer.schema)
