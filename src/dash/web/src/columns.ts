// A column of an Arrow table as charts and tables want it: exact text, and numbers for what is drawn.
import { Type, type Column as ArrowColumn, type DataType } from '@uwdata/flechette';
import { textOf } from './text.js';

/** How a column is drawn: `number` on an axis of values, `date` and `time` on one of time, the others by name. */
export type Kind = 'number' | 'date' | 'time' | 'bool' | 'text';

export interface Column {
  readonly name: string;
  readonly kind: Kind;
  readonly length: number;
  /** Integers and decimals, whose text has all of their digits; floating point has noise in its last ones. */
  readonly exact: boolean;
  /** All digits; `null` for NULL. */
  text(row: number): string | null;
  /** Milliseconds since 1970 (UTC) for times; NaN for NULL, what is no number and what is no time of a calendar. */
  number(row: number): number;
  numbers(): Float64Array;
  /** Whether its values are lists of numbers. */
  readonly isList: boolean;
  /** The numbers of a list, NaN where one is NULL; `null` for NULL, and for what is no list of numbers. */
  items(row: number): Float64Array | null;
}

/** Milliseconds on each side of 1970 that a browser has dates for: what is beyond, and DuckDB's infinite ones, has no place on an axis. */
const MOST_MS = 8.64e15;

export function toColumn(name: string, column: ArrowColumn<unknown>): Column {
  const type = plain(column.type);
  const kind = kindOf(type);
  const scale = scaleOf(type);
  const isTime = kind === 'date' || kind === 'time';
  let values: ArrayLike<unknown> | undefined;
  const at = (row: number) => (values ??= column.cache())[row] ?? null;

  const number = (row: number) => {
    const value = at(row);
    const found = kind === 'text' || value === null ? NaN : Number(value) / scale;
    return isTime && Math.abs(found) > MOST_MS ? NaN : found;
  };
  const item = itemOf(type);
  let cached: Float64Array | undefined;
  return {
    name,
    kind,
    length: column.length,
    exact: type.typeId === Type.Int || type.typeId === Type.Decimal,
    text: (row) => {
      const value = at(row);
      return value === null ? null : textOf(type, value);
    },
    number,
    numbers: () => (cached ??= fill(column.length, number)),
    isList: item !== null,
    items: (row) => {
      const list = item && at(row);
      return list ? Float64Array.from(list as ArrayLike<unknown>, (one) => (one === null ? NaN : Number(one) / scaleOf(item))) : null;
    },
  };
}

/** The type of a list's numbers; null where it is none of numbers. */
function itemOf(type: DataType): DataType | null {
  switch (type.typeId) {
    case Type.List:
    case Type.LargeList:
    case Type.ListView:
    case Type.LargeListView:
    case Type.FixedSizeList: {
      const item = plain(type.children[0].type);
      return kindOf(item) === 'number' ? item : null;
    }
    default:
      return null;
  }
}

/** A loop: `Float64Array.from` takes several times as long. */
export function fill(length: number, value: (index: number) => number): Float64Array {
  const all = new Float64Array(length);
  for (let index = 0; index < length; index += 1) all[index] = value(index);
  return all;
}

/** What a dictionary or a run stands for. */
function plain(type: DataType): DataType {
  if (type.typeId === Type.Dictionary) return plain(type.dictionary);
  if (type.typeId === Type.RunEndEncoded) return plain(type.children[1].type);
  return type;
}

function kindOf(type: DataType): Kind {
  switch (type.typeId) {
    case Type.Int:
    case Type.Float:
    case Type.Decimal:
      return 'number';
    case Type.Date:
      return 'date';
    case Type.Timestamp:
      return 'time';
    case Type.Bool:
      return 'bool';
    default:
      return 'text';
  }
}

/** What the stored number is divided by to give its value; for timestamps, milliseconds. */
function scaleOf(type: DataType): number {
  if (type.typeId === Type.Decimal) return 10 ** type.scale;
  if (type.typeId === Type.Timestamp) return 1000 ** (type.unit - 1); // seconds, milli-, micro-, nanoseconds
  return 1;
}

/** Whether a column can be a chart's measure. */
export const isNumeric = (column: Column): boolean => column.kind === 'number';
export const isTemporal = (column: Column): boolean => column.kind === 'date' || column.kind === 'time';
