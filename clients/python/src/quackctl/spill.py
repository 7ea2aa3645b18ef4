"""A result that was too large for a response: one Parquet object in the bucket, read in pieces, several at once ahead of who
takes the rows. Memory is bounded by their number, not by the result."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Optional

import pyarrow as pa
import pyarrow.parquet as pq

from .answer import Answer, converted, unknown
from .service import Service

#: Bytes of a piece, as they lie in the bucket, where row groups are not larger.
_PIECE = 8 << 20

#: Pieces that are fetched or wait to be taken, at most, and their bytes as rows, at most, where one alone has not more.
_AHEAD, _AHEAD_BYTES = 6, 256 << 20

#: What is read of the end, to have the footer in one request.
_TAIL = 256 << 10


class _Piece(NamedTuple):
    """Row groups that lie side by side: their numbers, where they are, and how large they are as rows."""

    groups: list[int]
    start: int
    end: int
    rows_bytes: int


class Spilled:
    """The object. Threads may share it."""

    def __init__(self, service: Service, bucket: str, key: str, answer: Answer) -> None:
        self._service, self._bucket, self._key, self._answer = service, bucket, key, answer
        self._lock = threading.Lock()
        self._footer: Optional[tuple[pq.FileMetaData, list[_Piece]]] = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows from the first, in their order.

        Raises `OperationalError` for an object that cannot be fetched, `InterfaceError` for one that is no result.
        """
        metadata, pieces = self._pieces()
        with ThreadPoolExecutor(_AHEAD, "quackctl-fetch") as pool:
            waiting: deque[tuple[_Piece, Future[list[pa.RecordBatch]]]] = deque()
            todo, ahead_bytes, left = deque(pieces), 0, self._answer.rows
            try:
                while todo or waiting:
                    while todo and len(waiting) < _AHEAD and (not waiting or ahead_bytes + todo[0].rows_bytes <= _AHEAD_BYTES):
                        piece = todo.popleft()
                        ahead_bytes += piece.rows_bytes
                        waiting.append((piece, pool.submit(self._fetch, metadata, piece)))
                    piece, future = waiting.popleft()
                    for batch in future.result():
                        left -= batch.num_rows
                        yield batch
                    ahead_bytes -= piece.rows_bytes
                    del future
            finally:
                for _, future in waiting:
                    future.cancel()
        if left:
            raise unknown(f"its rows are {-left} more than it tells of" if left < 0 else f"its rows are {left} less than it tells of")

    def remove(self) -> None:
        """Removes the object, which nobody reads again."""
        self._service.remove(self._bucket, self._key)

    def _fetch(self, metadata: pq.FileMetaData, piece: _Piece) -> list[pa.RecordBatch]:
        content = self._service.read(self._bucket, self._key, piece.start, piece.end, self._answer.spilled_bytes)
        try:
            file = pq.ParquetFile(_Window(content, piece.start, self._answer.spilled_bytes), metadata=metadata)
            rows = file.read_row_groups(piece.groups, use_threads=False)
            # What is in a file is no more to be trusted than what is in an answer.
            rows.validate(full=True)
            return [converted(batch, self._answer) for batch in rows.to_batches()]
        except (pa.ArrowException, OSError, MemoryError) as error:
            raise unknown(error) from error

    def _pieces(self) -> tuple[pq.FileMetaData, list[_Piece]]:
        with self._lock:
            if self._footer is None:
                metadata, end = self._read_footer()
                self._footer = metadata, list(_pieces(metadata, end))
            return self._footer

    def _read_footer(self) -> tuple[pq.FileMetaData, int]:
        """What the file says of itself, and where that begins."""
        size = self._answer.spilled_bytes
        if size < 12:
            raise unknown(f"a result of {size} bytes is none")

        def tail(length: int) -> bytes:
            return self._service.read(self._bucket, self._key, size - length, size, size)

        content = tail(min(_TAIL, size))
        length = int.from_bytes(content[-8:-4], "little") + 8
        if content[-4:] != b"PAR1" or length > size - 4:
            raise unknown("its rows are no Parquet file")
        if length > len(content):
            content = tail(length)
        try:
            metadata = pq.ParquetFile(_Window(content, size - len(content), size)).metadata
        except (pa.ArrowException, OSError, MemoryError) as error:
            raise unknown(error) from error
        if metadata.num_rows != self._answer.rows:
            raise unknown(f"its file has {metadata.num_rows} rows, and it tells of {self._answer.rows}")
        return metadata, size - length


def _pieces(metadata: pq.FileMetaData, end_of_rows: int) -> Iterator[_Piece]:
    piece: Optional[_Piece] = None
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        start, end, rows_bytes = end_of_rows, 0, 0
        for place in range(group.num_columns):
            column = group.column(place)
            first = column.data_page_offset
            if column.has_dictionary_page and column.dictionary_page_offset is not None:
                first = min(first, column.dictionary_page_offset)
            start, end = min(start, first), max(end, first + column.total_compressed_size)
            rows_bytes += column.total_uncompressed_size
        if not 4 <= start < end <= end_of_rows or rows_bytes < 0:
            raise unknown("its rows are not where its file says")
        if piece is not None and piece.end <= start and end - piece.start <= _PIECE:
            piece = _Piece([*piece.groups, number], piece.start, end, piece.rows_bytes + rows_bytes)
            continue
        if piece is not None:
            yield piece
        piece = _Piece([number], start, end, rows_bytes)
    if piece is not None:
        yield piece


class _Window(io.RawIOBase):
    """A file of which only a part is there."""

    def __init__(self, content: bytes, start: int, size: int) -> None:
        super().__init__()
        self._content, self._start, self._size, self._at = memoryview(content), start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        first = self._at - self._start
        count = self._size - self._at if size < 0 else size
        if first < 0 or first + count > len(self._content) or count < 0:
            raise OSError("its file leads to where it has no rows")
        self._at += count
        return bytes(self._content[first : first + count])
