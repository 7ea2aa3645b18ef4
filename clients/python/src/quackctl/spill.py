"""A result that was too large for a response: one Parquet object in the bucket, read in blocks, several at once ahead of who
takes the rows. Memory is bounded by their number, not by the result."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable, Optional

import pyarrow as pa
import pyarrow.parquet as pq

from .answer import UNREADABLE, Answer, check, converted, unknown
from .service import Service

#: Bytes of a block, and how many are fetched ahead of the one that is read.
_BLOCK, _AHEAD = 4 << 20, 8

#: Blocks that are kept behind it: columns of one row group are read one by one, not strictly in their order.
_BEHIND = 4

#: What is read of the end, to have the footer in one request.
_TAIL = 256 << 10

#: What Parquet has at its end: the footer's length and this.
_MAGIC = b"PAR1"


class Spilled:
    """The object. Threads may share it."""

    def __init__(self, service: Service, bucket: str, key: str, answer: Answer) -> None:
        self._service, self._bucket, self._key, self._answer = service, bucket, key, answer
        self._lock = threading.Lock()
        self._tail: Optional[bytes] = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows from the first, in their order.

        Raises `OperationalError` for an object that cannot be fetched, `InterfaceError` for one that is no result.
        """
        size, tail, left = self._answer.spilled_bytes, self._read_tail(), self._answer.rows
        with ThreadPoolExecutor(_AHEAD, "quackctl-fetch") as pool:
            content = _Ahead(self._read, size, tail, pool)
            try:
                file = pq.ParquetFile(content)
                if file.metadata.num_rows != left:
                    raise unknown(f"its file has {file.metadata.num_rows} rows, and it tells of {left}")
                for group in range(file.metadata.num_row_groups):
                    rows = file.read_row_group(group)
                    for batch in rows.to_batches():
                        check(batch)
                        left -= batch.num_rows
                        yield converted(batch, self._answer)
                    del rows
            except UNREADABLE as error:
                # What could not be fetched is told as that, whatever the reader made of it.
                raise content.failure or unknown(error) from error
            finally:
                content.stop()
        if left:
            raise unknown(f"its rows are {-left} more than it tells of" if left < 0 else f"its rows are {left} less than it tells of")

    def remove(self) -> None:
        """Removes the object, which nobody reads again."""
        self._service.remove(self._bucket, self._key)

    def _read(self, start: int, end: int) -> bytes:
        return self._service.read(self._bucket, self._key, start, end, self._answer.spilled_bytes)

    def _read_tail(self) -> bytes:
        """The file's end, with all of its footer."""
        with self._lock:
            if self._tail is None:
                size = self._answer.spilled_bytes
                if size < 12:
                    raise unknown(f"a result of {size} bytes is none")
                tail = self._read(max(size - _TAIL, 0), size)
                length = int.from_bytes(tail[-8:-4], "little") + 8
                if tail[-4:] != _MAGIC or length > size - 4:
                    raise unknown("its rows are no Parquet file")
                self._tail = tail if length <= len(tail) else self._read(size - length, size)
            return self._tail


class _Ahead(io.RawIOBase):
    """A file whose blocks are fetched ahead of who reads it."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, tail: bytes, pool: ThreadPoolExecutor) -> None:
        super().__init__()
        self._read, self._size, self._tail, self._pool = read, size, tail, pool
        self._blocks: dict[int, Future[bytes]] = {}
        self._at = 0
        #: How many blocks are fetched ahead: one at first, as who looks at the first rows takes no others.
        self._ahead = 1
        #: Why a block could not be had.
        self.failure: Optional[Exception] = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(offset + (0, self._at, self._size)[whence], 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        start = min(self._at, self._size)
        end = self._size if size < 0 else min(start + size, self._size)
        self._at = end
        at_tail = start - (self._size - len(self._tail))
        if at_tail >= 0:
            return self._tail[at_tail : at_tail + end - start]
        try:
            blocks = [self._block(number) for number in range(start // _BLOCK, -(-end // _BLOCK))]
        except Exception as error:
            self.failure = error
            raise OSError(str(error)) from error
        first = start - start // _BLOCK * _BLOCK
        if len(blocks) == 1:
            return blocks[0][first : first + end - start]
        return b"".join([memoryview(blocks[0])[first:], *blocks[1:]])[: end - start]

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            self._fetch(number)
        block = self._blocks[number].result()
        last = -(-self._size // _BLOCK)
        for following in range(number + 1, min(number + 1 + self._ahead, last)):
            if following not in self._blocks:
                self._ahead = min(self._ahead + 1, _AHEAD)
                self._fetch(following)
        behind, beyond = sorted(known for known in self._blocks if known < number), (known for known in self._blocks if known > number + _AHEAD)
        for known in [*behind, *beyond][: max(len(self._blocks) - _AHEAD - _BEHIND - 1, 0)]:
            del self._blocks[known]
        return block

    def _fetch(self, number: int) -> None:
        start = number * _BLOCK
        self._blocks[number] = self._pool.submit(self._read, start, min(start + _BLOCK, self._size))

    def stop(self) -> None:
        """Fetches no more."""
        for block in self._blocks.values():
            block.cancel()
        self._blocks.clear()
