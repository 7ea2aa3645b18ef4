"""SQL over your data lake from Python.

>>> import quackctl
>>> db = quackctl.connect()  # the project of this folder
>>> db.sql("SELECT count(*) FROM trips").fetchone()
"""

from .connection import Connection, connect
from .cursor import Cursor
from .dbapi import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
    apilevel,
    paramstyle,
    threadsafety,
)
from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from .result import Result
from .version import VERSION as __version__

__all__ = [
    "BINARY", "DATETIME", "NUMBER", "ROWID", "STRING", "Binary", "Connection", "Cursor", "DataError", "DatabaseError", "Date", "DateFromTicks",
    "Error", "IntegrityError", "InterfaceError", "InternalError", "NotSupportedError", "OperationalError", "ProgrammingError", "Result", "Time",
    "TimeFromTicks", "Timestamp", "TimestampFromTicks", "Warning", "__version__", "apilevel", "connect", "paramstyle", "threadsafety",
]
