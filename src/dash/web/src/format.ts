// Numbers, times and sizes as people read them. `format` is a chart's option: number, percent, usd, compact, date, 0.00.
import type { Column } from './columns.js';

/** What stands where a name or a value is NULL. */
export const NULL = 'NULL';

const formats = new Map<string, Intl.NumberFormat>();

function intl(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat('en', options)));
  return format;
}

/** A number, given as text so that no digit of a long one is lost. */
export function formatNumber(text: string, format?: string, exact = false): string {
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  const decimals = /^[#,]*0(?:\.(0{1,20}))?$/.exec(format ?? '');
  if (decimals) {
    const digits = decimals[1]?.length ?? 0;
    return precise(text, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
  switch (format) {
    case 'percent':
      return intl({ style: 'percent', maximumFractionDigits: Math.abs(value) < 0.01 ? 2 : 1 }).format(value);
    case 'usd':
      return usd(text);
    case 'compact':
      return intl({ notation: 'compact', maximumSignificantDigits: 3 }).format(value);
    default:
      return exact ? grouped(text) : float(value);
  }
}

/** As on an axis, where there is no room for many digits. */
export function formatTick(value: number, format?: string): string {
  if (Math.abs(value) >= 1e15) return float(value);
  if (format === 'usd' && Math.abs(value) >= 10_000) {
    return intl({ style: 'currency', currency: 'USD', notation: 'compact', maximumSignificantDigits: 3 }).format(value);
  }
  if ((format === undefined || format === 'number') && Math.abs(value) >= 10_000) {
    return intl({ notation: 'compact', maximumSignificantDigits: 4 }).format(value);
  }
  if (format === 'usd' && Number.isInteger(value)) return formatNumber(String(value), format).replace(/\.00$/, '');
  return formatNumber(String(value), format);
}

/** A row of a column; NULL is the caller's to show. */
export function formatCell(column: Column, row: number, format?: string): string | null {
  const text = column.text(row);
  if (text === null) return null;
  if (column.kind === 'number') return isLabel(column) && format === undefined ? text : formatNumber(text, format, column.exact);
  if (column.kind === 'time') return format === 'date' ? text.slice(0, text.indexOf(' ')) : text.replace(/ 00:00:00$/, ' 00:00');
  return text;
}

/** A row of a column whose values are names on an axis: numbers are not grouped there. */
export function formatName(column: Column, row: number): string {
  if (column.kind === 'number' && column.exact) return column.text(row) ?? NULL;
  return formatCell(column, row) ?? NULL;
}

/** Whole numbers that name something (an id, a year) are not grouped: 2019, not 2,019. */
export function isLabel(column: Column): boolean {
  return column.exact && /(^|[_ ])(id|key|year|zip|code|hour|month|day)$/i.test(column.name);
}

/** The moment of a time axis: as much of the clock as it has, in UTC. */
export function formatTime(ms: number, dateOnly: boolean): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '';
  const iso = date.toISOString();
  const [day = '', clock = ''] = iso.split('T');
  if (dateOnly) return day;
  const seconds = ms % 60_000 === 0 ? clock.slice(0, 5) : ms % 1000 === 0 ? clock.slice(0, 8) : clock.slice(0, 12);
  return `${day} ${seconds} UTC`;
}

export function usd(text: string): string {
  const value = Math.abs(Number(text));
  if (value !== 0 && value < 0.01) return intl({ style: 'currency', currency: 'USD', maximumSignificantDigits: 2, minimumSignificantDigits: 1 }).format(Number(text));
  return precise(text, { style: 'currency', currency: 'USD' });
}

export const count = (value: number): string => intl({}).format(value);

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${intl({ maximumSignificantDigits: 3 }).format(value / 1000 ** step)} ${units[step]}`;
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${intl({ maximumFractionDigits: ms < 10_000 ? 1 : 0 }).format(ms / 1000)} s`;
}

/** Browsers since 2023 take text and keep its digits; older ones make a number of it. Its type does not know of text. */
function precise(text: string, options: Intl.NumberFormatOptions): string {
  return intl(options).format(text as unknown as number);
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.split('.');
  const grouping = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouping : `${grouping}.${fraction}`;
}

function float(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-6 || size >= 1e15)) return intl({ notation: 'scientific', maximumSignificantDigits: 4 }).format(value);
  if (size < 1) return intl({ maximumSignificantDigits: 4 }).format(value);
  return intl({ maximumFractionDigits: size < 1000 ? 3 : 1 }).format(value);
}
