// What a tile asks for, and the columns that it means.
import { isNumeric, type Column } from '../columns.js';
import type { Result } from '../data.js';

/** Charts with two axes. */
export type XyKind = 'bar' | 'line' | 'area' | 'scatter';

export const KINDS = ['table', 'value', 'bar', 'line', 'area', 'scatter', 'pie', 'heatmap', 'histogram', 'map'] as const;
export type ChartKind = (typeof KINDS)[number];

/** `data-options`: names of columns, unless said otherwise. */
export interface Options {
  x?: string;
  y?: string;
  color?: string;
  compare?: string;
  lat?: string;
  lon?: string;
  size?: string;
  facet?: string;
  spark?: string;
  stack?: string;
  sort?: string;
  horizontal?: string;
  bins?: string;
  format?: string;
  help?: string;
  height?: string;
  filter?: string;
}

/** Names in the order that people expect: 9 before 10. */
export const NAMES = new Intl.Collator('en', { numeric: true });

/** A chart that these rows cannot make; the message says why. */
export class ChartError extends Error {}

export function parseKind(text: string | undefined): ChartKind | null {
  return KINDS.find((kind) => kind === text) ?? null;
}

export function parseOptions(json: string | undefined): Options {
  const options = parseObject(json);
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]).filter(([, value]) => value !== ''));
}

/** One tile that was written wrongly must not stop the page. */
function parseObject(json: string | undefined): object {
  try {
    const value: unknown = JSON.parse(json || '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

export function findColumn(result: Result, name: string): Column {
  const column = result.columns.find((one) => one.name === name) ?? result.columns.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (!column) throw new ChartError(`There is no column "${name}"; the columns are ${result.columns.map((one) => `"${one.name}"`).join(', ')}.`);
  return column;
}

/** The named column, or the first. */
export function xColumn(result: Result, name: string | undefined): Column {
  if (name !== undefined) return findColumn(result, name);
  const first = result.columns[0];
  if (!first) throw new ChartError('The query gives no columns.');
  return first;
}

/** The named columns, or all with numbers in them that mean nothing else in the chart. */
export function yColumns(result: Result, names: string | undefined, others: readonly (Column | undefined)[]): Column[] {
  const columns = names === undefined ? result.columns.filter((column) => isNumeric(column) && !others.includes(column)) : list(names).map((name) => findColumn(result, name));
  const wrong = columns.find((column) => !isNumeric(column));
  if (wrong) throw new ChartError(`The column "${wrong.name}" has no numbers in it, and y asks for numbers.`);
  if (columns.length === 0) throw new ChartError('No column has numbers in it that the chart could show; name one with y.');
  return columns;
}

/** The named column of numbers, or the first. */
export function numberColumn(result: Result, name: string | undefined, others: readonly (Column | undefined)[]): Column {
  return yColumns(result, name, others)[0] as Column;
}

export function list(names: string): string[] {
  return names.split(',').map((name) => name.trim()).filter(Boolean);
}

export const isTrue = (option: string | undefined): boolean => option === 'true';
