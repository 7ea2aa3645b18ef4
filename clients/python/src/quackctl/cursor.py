"""DB-API's cursor: one statement after the other, the rows of the last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional

from .errors import InterfaceError
from .params import Params

if TYPE_CHECKING:
    from .connection import Connection
    from .result import Result, Row


class Cursor:
    """Runs statements and gives rows, going forward. Not to be shared by threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        #: Rows that `fetchmany` gives where it is not told.
        self.arraysize = 1
        self._result: Optional[Result] = None
        self._is_closed = False

    def execute(self, operation: str, parameters: Params = None) -> Cursor:
        """Runs a statement; `parameters` are values in order for `?` and `$1`, or by name for `$name`."""
        self._check_open()
        self._drop()
        self._result = self.connection.sql(operation, parameters)
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Params]) -> Cursor:
        """Runs a statement once for each of the parameters, one after the other; the rows are those of the last."""
        self._check_open()
        self._drop()
        for parameters in seq_of_parameters:
            self.execute(operation, parameters)
        return self

    @property
    def result(self) -> Result:
        """What the statement found, as `Connection.sql` gives it: `cursor.result.df()`."""
        self._check_open()
        if self._result is None:
            raise InterfaceError("no statement was run", "execute() one")
        return self._result

    @property
    def description(self) -> Optional[list[tuple[str, str, None, None, Optional[int], Optional[int], None]]]:
        """Name and type of each column; nothing before a statement, or for one without rows."""
        return self._result.description if self._result is not None else None

    @property
    def rowcount(self) -> int:
        """Rows that the statement found; -1 before one."""
        return len(self._result) if self._result is not None else -1

    def fetchone(self) -> Optional[Row]:
        """The next row, or nothing after the last."""
        return self.result.fetchone()

    def fetchmany(self, size: Optional[int] = None) -> list[Row]:
        """The next rows, `size` or `arraysize` at most."""
        return self.result.fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> list[Row]:
        """The rows that are left."""
        return self.result.fetchall()

    def __iter__(self) -> Iterator[Row]:
        while (row := self.fetchone()) is not None:
            yield row

    def setinputsizes(self, sizes: Any) -> None:
        """DB-API's; nothing to do."""

    def setoutputsize(self, size: int, column: Optional[int] = None) -> None:
        """DB-API's; nothing to do."""

    def close(self) -> None:
        """Lets go of the rows."""
        self._drop()
        self._is_closed = True

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drop(self) -> None:
        if self._result is not None:
            self._result.close()
        self._result = None

    def _check_open(self) -> None:
        if self._is_closed:
            raise InterfaceError("the cursor is closed", "take another: connection.cursor()")
