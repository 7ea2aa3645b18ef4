"""A result: its rows as Arrow, data frames or Python's values, and what the query cost."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, Optional

import pyarrow as pa
import pyarrow.compute as pc

from . import display
from .answer import Answer
from .answer import batches as inline_batches
from .errors import Error, InterfaceError, NotSupportedError
from .service import Report
from .spill import Spilled
from .types import SqlType
from .values import values

if TYPE_CHECKING:
    import pandas
    import polars

#: Rows that are made Python's at once.
_ROWS = 4096

Row = tuple[Any, ...]


class Result:
    """What a query found. Whole, as often as you like: `arrow()`, `df()`, `pl()`, `batches()`, iteration; once, going forward:
    `fetchone()`, `fetchmany()`, `fetchall()`.

    Rows that were too many for a response lie in the bucket until the result is closed, or is not used any more, for a day at
    most; each whole reading fetches them anew.
    """

    def __init__(
        self, answer: Answer, spilled: Optional[Spilled], report: Optional[Report], architecture: Callable[[], Optional[str]]
    ) -> None:
        self._answer, self._spilled, self._report, self._architecture = answer, spilled, report, architecture
        self._inline: Optional[list[pa.RecordBatch]] = None
        self._forward: Optional[Iterator[Row]] = None
        self._is_closed = False
        self._finalizer = weakref.finalize(self, spilled.remove) if spilled is not None else None

    # What it is.

    @property
    def columns(self) -> list[str]:
        """Names of the columns. Of several of one name, all but the first have a number at their end."""
        return [column.name for column in self._answer.columns]

    @property
    def types(self) -> list[str]:
        """DuckDB's types of the columns."""
        return [column.spelled for column in self._answer.columns]

    @property
    def schema(self) -> pa.Schema:
        """Arrow's names and types of the columns."""
        return self._answer.schema

    @property
    def description(self) -> Optional[list[tuple[str, str, None, None, Optional[int], Optional[int], None]]]:
        """DB-API's: name, type, and digits of a DECIMAL; nothing for a statement without rows."""
        if not self._answer.columns:
            return None
        described = []
        for column in self._answer.columns:
            own = column.sql_type
            digits = (own.width, own.scale) if own.kind == "DECIMAL" else (None, None)
            described.append((column.name, column.spelled, None, None, *digits, None))
        return described

    @property
    def truncated(self) -> bool:
        """Whether the limit cut rows off."""
        return self._answer.truncated

    def __len__(self) -> int:
        return self._answer.rows

    def __bool__(self) -> bool:
        return True

    # What it cost.

    @property
    def time_ms(self) -> int:
        """Wall time in the function, milliseconds."""
        return self._answer.time_ms

    @property
    def warm(self) -> bool:
        """Whether the function's instance had answered before."""
        return self._answer.warm

    @property
    def billed_ms(self) -> Optional[int]:
        """What Lambda bills, milliseconds, as it says itself; nothing where it does not."""
        return self._report.billed_ms if self._report is not None else None

    @property
    def memory_mb(self) -> Optional[int]:
        """Memory that the function has, MB, as Lambda says."""
        return self._report.memory_mb if self._report is not None else None

    @property
    def cost_usd(self) -> Optional[float]:
        """Price of the call in US dollars, at Lambda's public price in US East, without the free tier; nothing where nobody tells what
        was billed on which processor. On the local target nothing is billed, and it is what Lambda would ask."""
        architecture = self._architecture() if self._report is not None else None
        return self._report.cost_usd(architecture) if self._report is not None and architecture is not None else None

    # All of it.

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in batches of Arrow, from the first; they are not all in memory at once."""
        self._check_open()
        if self._spilled is not None:
            return self._spilled.batches()
        if self._inline is None:
            self._inline = list(inline_batches(self._answer.stream or b"", self._answer))
        return iter(self._inline)

    def reader(self) -> pa.RecordBatchReader:
        """The same as Arrow's own reader, which other programs take."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def arrow(self) -> pa.Table:
        """All rows as a table of Arrow."""
        return pa.Table.from_batches(list(self.batches()), self.schema)

    def df(self, **options: Any) -> pandas.DataFrame:
        """All rows as a data frame of pandas. `options` are those of `pyarrow.Table.to_pandas`, such as `types_mapper`."""
        _needs("pandas", "df()")
        table = self._narrow()
        for at, column in enumerate(self._answer.columns):
            if column.sql_type.kind == "ENUM":
                table = table.set_column(at, column.name, _signed(table.column(at)))
        try:
            return table.to_pandas(**{"date_as_object": False, **options})
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise NotSupportedError(f"pandas has no such values: {error}", self._help_with_types()) from error

    def pl(self) -> polars.DataFrame:
        """All rows as a data frame of polars."""
        _needs("polars", "pl()")
        import polars

        odd = [column for column in self._answer.columns if _has(column.sql_type, ("INTERVAL", "UNION"))]
        if odd:
            raise NotSupportedError(f"column {odd[0].name!r} is {odd[0].spelled[:100]}, which polars has not", self._help_with_types())
        table = self._narrow()
        for column in self._answer.columns:
            # polars makes nothing of 24:00:00.
            if column.sql_type.kind in ("TIME", "TIME_NS") and (latest := pc.max(table[column.name].cast(pa.int64())).as_py()) is not None:
                if latest >= 86_400 * (10**9 if column.sql_type.kind == "TIME_NS" else 10**6):
                    raise NotSupportedError(f"column {column.name!r} has 24:00:00, which polars has not", self._help_with_types())
        try:
            frame = polars.from_arrow(table)
        except (pa.ArrowException, polars.exceptions.PolarsError) as error:
            raise NotSupportedError(f"polars has no such values: {error}", self._help_with_types()) from error
        assert isinstance(frame, polars.DataFrame)
        return frame

    def _narrow(self) -> pa.Table:
        """All rows, with integers of 128 bits, which sums are, in 64 where all of a column fit."""
        table = self.arrow()
        for at, column in enumerate(self._answer.columns):
            if column.sql_type.kind in ("HUGEINT", "UHUGEINT"):
                try:
                    table = table.set_column(at, column.name, table.column(at).cast(pa.int64()))
                except pa.ArrowInvalid:
                    pass
        return table

    def _help_with_types(self) -> str:
        return "cast the column in the SQL, CAST(... AS VARCHAR); arrow() and fetchall() have it as it is"

    # Row by row.

    def __iter__(self) -> Iterator[Row]:
        """The rows, from the first, as tuples of Python's values; they are not all in memory at once."""
        return self._rows(self.batches())

    def _rows(self, batches: Iterator[pa.RecordBatch]) -> Iterator[Row]:
        for batch in batches:
            for start in range(0, batch.num_rows, _ROWS):
                part = batch.slice(start, _ROWS)
                columns = [values(array, column.sql_type) for array, column in zip(part.columns, self._answer.columns)]
                yield from zip(*columns)

    def _forwards(self) -> Iterator[Row]:
        self._check_open()
        if self._forward is None:
            self._forward = iter(self)
        return self._forward

    def fetchone(self) -> Optional[Row]:
        """The next row, or nothing after the last."""
        return next(self._forwards(), None)

    def fetchmany(self, size: int = 1) -> list[Row]:
        """The next rows, so many at most."""
        return list(islice(self._forwards(), max(size, 0)))

    def fetchall(self) -> list[Row]:
        """The rows that are left."""
        return list(self._forwards())

    # Its end.

    def close(self) -> None:
        """Lets go of its rows, in the bucket, too."""
        self._is_closed, self._inline, self._forward = True, None, None
        if self._finalizer is not None:
            self._finalizer()

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise InterfaceError("the result is closed", "run the query again")

    # For people.

    def _shown(self) -> display.Shown:
        try:
            batches = self.batches()
            head = list(islice(self._rows(batches), display.ROWS))
            if isinstance(batches, Generator):
                # Nothing more is fetched.
                batches.close()
        except Error as error:
            # What is shown by itself raises nothing.
            return display.Shown(self.columns, [], len(self), self.truncated, f"cannot be shown: {error}")
        return display.Shown(self.columns, head, len(self), self.truncated, display.billed(self.billed_ms, self.cost_usd))

    def __repr__(self) -> str:
        return display.as_text(self._shown())

    def _repr_html_(self) -> str:
        return display.as_html(self._shown())


def _signed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of a dictionary with indices that pandas has been taking for longer."""
    signed = pa.dictionary(pa.int32(), pa.string())
    chunks = [pa.DictionaryArray.from_arrays(chunk.indices.cast(pa.int32()), chunk.dictionary) for chunk in column.chunks]
    return pa.chunked_array(chunks, signed)


def _has(sql_type: SqlType, kinds: tuple[str, ...]) -> bool:
    return sql_type.kind in kinds or any(_has(own, kinds) for _, own in sql_type.children)


def _needs(package: str, what: str) -> None:
    try:
        __import__(package)
    except ImportError as error:
        raise InterfaceError(f"{what} takes {package}, which is not installed", f"pip install 'quackctl[{package}]'") from error
