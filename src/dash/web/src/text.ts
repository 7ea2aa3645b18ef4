// The exact text of any Arrow value, as DuckDB would print it.
import { Type, type DataType } from '@uwdata/flechette';

export function textOf(type: DataType, value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  switch (type.typeId) {
    case Type.Decimal:
      return decimal(BigInt(value as bigint | number), type.scale);
    case Type.Float:
      return type.precision === 1 ? single(value as number) : String(value);
    case Type.Date:
      return day(Number(value));
    case Type.Timestamp:
      return timestamp(BigInt(value as bigint), 3 * type.unit);
    case Type.Time:
      return clock(BigInt(value as bigint | number), 3 * type.unit);
    case Type.Duration:
      return `${decimal(BigInt(value as bigint), 3 * type.unit)} s`;
    case Type.Interval:
      return interval(value);
    case Type.Binary:
    case Type.LargeBinary:
    case Type.BinaryView:
    case Type.FixedSizeBinary:
      return `\\x${Array.from(value as Uint8Array, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    case Type.Dictionary:
      return textOf(type.dictionary, value);
    case Type.List:
    case Type.LargeList:
    case Type.ListView:
    case Type.LargeListView:
    case Type.FixedSizeList: {
      const item = type.children[0].type;
      return `[${Array.from(value as ArrayLike<unknown>, (one) => textOf(item, one)).join(', ')}]`;
    }
    case Type.Struct: {
      const fields = value as Record<string, unknown>;
      return `{${type.children.map((field) => `${field.name}: ${textOf(field.type, fields[field.name])}`).join(', ')}}`;
    }
    case Type.Map: {
      const [key, item] = (type.children[0].type as { children: { type: DataType }[] }).children;
      if (!key || !item) return String(value);
      const pairs = Array.from(value as Iterable<[unknown, unknown]>);
      return `{${pairs.map(([name, one]) => `${textOf(key.type, name)}: ${textOf(item.type, one)}`).join(', ')}}`;
    }
    default:
      return String(value);
  }
}

/** A whole number of units of 10^-scale, with every digit. */
export function decimal(units: bigint, scale: number): string {
  const sign = units < 0n ? '-' : '';
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return sign + digits.slice(0, point) + (scale > 0 ? `.${digits.slice(point)}` : '');
}

/** The shortest text that is the same 32-bit number. */
function single(value: number): string {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

/** DuckDB's infinite dates, and years that `Date` does not know, have no other text. */
function day(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return ms > 0 ? 'infinity' : '-infinity';
  const text = date.toISOString().slice(0, -14);
  if (text.startsWith('-')) return `${String(1 - date.getUTCFullYear()).padStart(4, '0')}${text.slice(-6)} (BC)`;
  return text.replace(/^\+0*/, '');
}

function timestamp(value: bigint, scale: number): string {
  const perDay = 86_400n * 10n ** BigInt(scale);
  const rest = ((value % perDay) + perDay) % perDay;
  const date = day(Number((value - rest) / perDay) * 86_400_000);
  return date.endsWith('infinity') ? date : `${date} ${clock(rest, scale)}`;
}

function clock(value: bigint, scale: number): string {
  const unit = 10n ** BigInt(scale);
  const seconds = Number(value / unit);
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const fraction = scale === 0 ? '' : (value % unit).toString().padStart(scale, '0').replace(/0+$/, '');
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}${fraction && `.${fraction}`}`;
}

function interval(value: unknown): string {
  if (typeof value === 'number') return `${value} months`;
  const [months = 0, days = 0, nanos = 0] = Array.from(value as ArrayLike<number>);
  const parts = [months && `${months} months`, days && `${days} days`].filter(Boolean);
  if (nanos || parts.length === 0) {
    const sign = nanos < 0 ? '-' : '';
    parts.push(sign + clock(BigInt(Math.abs(nanos)), 9));
  }
  return parts.join(' ');
}
