"""Columns as a function sends them, inline or in a Parquet file, made into what `types` says of their SQL types. What they
are not is refused: whoever runs in the function's place can send anything."""

from __future__ import annotations

from typing import Any, Callable

import pyarrow as pa
import pyarrow.compute as pc

from . import text
from .errors import RENEW, DataError, InterfaceError
from .types import SqlType

#: What a number of 38 digits is below.
_TOO_LARGE = 10**38

#: DuckDB's infinite moments, in units.
_INFINITY = 2**63 - 1


def convert(array: pa.Array, sql_type: SqlType, inside: bool = False) -> pa.Array:
    """`array` as `sql_type.arrow(inside)`.

    Raises `InterfaceError` where it is no column of that type, and `DataError` for a number that Arrow's type has no room for.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    target = sql_type.arrow(inside)
    if array.type == target and not pa.types.is_dictionary(target):
        return array
    found = _CONVERSIONS.get(sql_type.kind)
    if found is None:
        raise wrong(array, sql_type)
    converted = found(array, sql_type, target)
    assert converted.type == target and len(converted) == len(array), (converted.type, target)
    return converted


def wrong(array: pa.Array, sql_type: SqlType) -> InterfaceError:
    """That a column has no values of its type."""
    return InterfaceError(f"the function's answer is not one that this version knows: {str(array.type)[:200]} for {sql_type.kind}", RENEW)


def _boolean(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    if array.type != pa.int8():
        raise wrong(array, sql_type)
    return array.cast(target)


def _json(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    """Of a file, pyarrow before 19 reads JSON as bytes."""
    if array.type != pa.binary():
        raise wrong(array, sql_type)
    try:
        return array.cast(target)
    except pa.ArrowInvalid as error:
        raise wrong(array, sql_type) from error


def _integer128(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    """Bytes of 128 bits, the lowest first, are those of Arrow's decimals already."""
    if array.type != pa.binary(16):
        raise wrong(array, sql_type)
    decimals = pa.Array.from_buffers(target, len(array), array.buffers(), offset=array.offset)
    ends = pc.min_max(decimals).as_py()
    # UHUGEINT's upper half looks negative.
    least = 0 if sql_type.kind == "UHUGEINT" else 1 - _TOO_LARGE
    if ends["min"] is not None and not (least <= int(ends["min"]) and int(ends["max"]) < _TOO_LARGE):
        raise DataError("a HUGEINT or UHUGEINT of the result has more than 38 digits, which Arrow's DECIMAL has not", "CAST(... AS VARCHAR) has them")
    return decimals


def _as_text(by: Callable[[bytes], str], storage: pa.DataType) -> Callable[[pa.Array, SqlType, pa.DataType], pa.Array]:
    """What comes as bytes of DuckDB's own is text; in a file it is that already."""

    def conversion(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
        if array.type != storage:
            raise wrong(array, sql_type)
        try:
            return pa.array([None if value is None else by(value) for value in array.to_pylist()], target)
        except (ValueError, IndexError) as error:
            raise wrong(array, sql_type) from error

    return conversion


def _of_text(by: Callable[[str], Any]) -> Callable[[pa.Array, SqlType, pa.DataType], pa.Array]:
    """What is text in a file."""

    def conversion(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
        if array.type != pa.string():
            raise wrong(array, sql_type)
        try:
            return pa.array([None if value is None else by(value) for value in array.to_pylist()], target)
        except (ValueError, OverflowError, pa.ArrowInvalid) as error:
            raise wrong(array, sql_type) from error

    return conversion


def _moment(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    """Seconds and milliseconds are microseconds in a file; what is infinite stays so."""
    if array.type != pa.timestamp("us"):
        raise wrong(array, sql_type)
    units = array.view(pa.int64())
    is_endless = pc.equal(pc.abs(units), _INFINITY)
    whole = pc.divide(units, 10**6 if target.unit == "s" else 10**3)
    return pc.if_else(is_endless, units, whole).view(target)


def _zoned(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    """A moment is the same in any zone; which one is told is that of the function's process."""
    if not pa.types.is_timestamp(array.type) or array.type.unit != "us" or array.type.tz is None:
        raise wrong(array, sql_type)
    return array.view(pa.int64()).view(target)


def _enum(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    values = pa.array(sql_type.values, pa.string())
    if pa.types.is_dictionary(array.type):
        if array.type.value_type != pa.string():
            raise wrong(array, sql_type)
        if target == pa.string():
            return array.dictionary_decode()
        if array.type.index_type == target.index_type and array.dictionary.equals(values):
            return array
        array = array.dictionary_decode()
    if array.type != pa.string():
        raise wrong(array, sql_type)
    if target == pa.string():
        return array
    found = pc.index_in(array, value_set=values)
    if found.null_count > array.null_count:
        raise wrong(array, sql_type)
    return pa.DictionaryArray.from_arrays(found.cast(target.index_type), values)


def _validity(array: pa.Array) -> pa.Buffer:
    """The buffer that tells what is NULL, or nothing."""
    return array.buffers()[0]


def _list(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    if not pa.types.is_list(array.type):
        raise wrong(array, sql_type)
    children = [convert(array.values, sql_type.child, True)]
    return pa.Array.from_buffers(target, len(array), array.buffers()[:2], offset=array.offset, children=children)


def _array(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_list(array.type) and array.type.list_size == sql_type.width:
        children = [convert(array.values, sql_type.child, True)]
        return pa.Array.from_buffers(target, len(array), [_validity(array)], offset=array.offset, children=children)
    # In a file it is a list.
    if not pa.types.is_list(array.type):
        raise wrong(array, sql_type)
    lengths = pc.list_value_length(array)
    if len(array) > array.null_count and pc.min_max(lengths).as_py() != {"min": sql_type.width, "max": sql_type.width}:
        raise wrong(array, sql_type)
    values = convert(array.flatten(), sql_type.child, True)
    if not array.null_count:
        return pa.Array.from_buffers(target, len(array), [None], children=[values])
    # What is NULL has room, too: its elements are NULL.
    is_there = array.is_valid()
    starts = pc.multiply(pc.subtract(pc.cumulative_sum(is_there.cast(pa.int64())), 1), sql_type.width)
    starts = pc.if_else(is_there, starts, pa.scalar(None, pa.int64()))
    places = [None if start is None else start + at for start in starts.to_pylist() for at in range(sql_type.width)]
    padded = values.take(pa.array(places, pa.int64()))
    mask = pa.array(is_there.to_pylist(), pa.bool_()).buffers()[1]
    return pa.Array.from_buffers(target, len(array), [mask], children=[padded])


def _map(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    if not pa.types.is_map(array.type):
        raise wrong(array, sql_type)
    pairs = [convert(side, own, True) for side, (_, own) in zip((array.keys, array.items), sql_type.children)]
    fields = [pa.field("key", pairs[0].type, False), pa.field("value", pairs[1].type)]
    entries = pa.StructArray.from_arrays(pairs, fields=fields)
    return pa.Array.from_buffers(target, len(array), array.buffers()[:2], offset=array.offset, children=[entries])


def _struct(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    if not pa.types.is_struct(array.type) or array.type.num_fields != len(sql_type.children):
        raise wrong(array, sql_type)
    if [array.type.field(at).name for at in range(array.type.num_fields)] != [name for name, _ in sql_type.children] and not sql_type.is_row():
        raise wrong(array, sql_type)
    children = [convert(array.field(at), own, True) for at, (_, own) in enumerate(sql_type.children)]
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(children, fields=list(target), mask=mask)


def _union(array: pa.Array, sql_type: SqlType, target: pa.DataType) -> pa.Array:
    count = len(sql_type.children)
    if pa.types.is_union(array.type) and array.type.mode == "sparse" and array.type.num_fields == count:
        codes, first = array.type_codes, 0
        # Which code stands for which member is the type's to say; DuckDB's are in order.
        if list(array.type.type_codes) != list(range(count)):
            raise wrong(array, sql_type)
    elif pa.types.is_struct(array.type) and array.type.num_fields == count + 1 and array.type.field(0).type == pa.uint8():
        # In a file it is a row of all members, and before them which one it is.
        codes, first = pc.fill_null(array.field(0), 0), 1
        if len(codes) and pc.max(codes).as_py() >= count:
            raise wrong(array, sql_type)
        codes = codes.cast(pa.int8())
    else:
        raise wrong(array, sql_type)
    children = [convert(array.field(at + first), own, True) for at, (_, own) in enumerate(sql_type.children)]
    return pa.UnionArray.from_sparse(codes, children, sql_type.names())


_CONVERSIONS = {
    "BOOLEAN": _boolean,
    "JSON": _json,
    "HUGEINT": _integer128,
    "UHUGEINT": _integer128,
    "BIGNUM": _as_text(text.of_bignum, pa.binary()),
    "BIT": _as_text(text.of_bits, pa.binary()),
    "UUID": _as_text(text.of_uuid, pa.binary(16)),
    "TIME WITH TIME ZONE": _as_text(text.of_time_tz, pa.binary(8)),
    "TIME_NS": _of_text(text.to_nanoseconds),
    "INTERVAL": _of_text(text.to_interval),
    "TIMESTAMP_S": _moment,
    "TIMESTAMP_MS": _moment,
    "TIMESTAMP WITH TIME ZONE": _zoned,
    "ENUM": _enum,
    "LIST": _list,
    "ARRAY": _array,
    "MAP": _map,
    "STRUCT": _struct,
    "UNION": _union,
}
