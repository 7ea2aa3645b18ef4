// From rows to series of points: by the columns of y, or by the values of the column `color`.
import { fill, isTemporal, type Column } from '../columns.js';
import type { Result } from '../data.js';
import { formatName, NULL } from '../format.js';
import { facetsOf, type Facets } from './facet.js';
import { findColumn, isTrue, NAMES, xColumn, yColumns, type ChartKind, type Options } from './spec.js';

export interface Series {
  name: string;
  /** Its place among the names of the chart, which has its colour. */
  place: number;
  /** The picture that it is in. */
  facet: number;
  /** Positions on the axis: numbers, milliseconds, or the index of a category; sorted for lines. */
  x: Float64Array;
  /** NaN is NULL. */
  y: Float64Array;
  /** The row of the result behind each point; -1 where there is none. */
  rows: Int32Array;
}

export interface Plane {
  axis: 'category' | 'time' | 'value';
  x: Column;
  ys: Column[];
  /** Of a category axis. */
  categories: string[];
  series: Series[];
  /** Of all series, those of every picture. */
  names: string[];
  /** Series that were left out, because nobody can tell so many apart. */
  left: number;
  facets: Facets | null;
}

const MOST_SERIES = 40;

export function toPlane(kind: ChartKind, result: Result, options: Options): Plane {
  const color = options.color === undefined ? undefined : findColumn(result, options.color);
  const x = xColumn(result, options.x);
  const facet = options.facet === undefined ? undefined : findColumn(result, options.facet);
  const ys = yColumns(result, options.y, [x, color, facet]);
  const axis = isSinglePlace(x) ? 'category' : axisOf(kind, x, options);
  const facets = facetsOf(result, options);
  const named = namesOf(result.rows, color, ys, facets);
  const kept = named.slice(0, MOST_SERIES);
  const pivot = color !== undefined || facets !== null;
  const shown = (facets?.names ?? ['']).flatMap((_, facet) => kept.map((one, place) => ({ ...one, rows: one.rows?.[facet] ?? null, place, facet }))).filter(({ rows }) => !pivot || rows?.length);
  const plane: Plane = { axis, x, ys, categories: [], series: [], names: kept.map(({ name }) => name), left: named.length - kept.length, facets };
  if (axis === 'category') fillCategories(plane, result.rows, shown, pivot, options.sort);
  else {
    plane.series = shown.map((group) => continuous(group, x, result.rows, kind !== 'scatter'));
    // Two bars at one moment would hide each other: then the moments are names.
    if (kind === 'bar' && plane.series.some(hasTwins)) {
      plane.axis = 'category';
      fillCategories(plane, result.rows, shown, pivot, options.sort);
    } else if (isTrue(options.stack)) align(plane.series);
  }
  return plane;
}

/** Bars stand on names, and on time when nothing asks for another order: a day without a row is then a gap. */
function axisOf(kind: ChartKind, x: Column, { sort, horizontal }: Options): Plane['axis'] {
  if (isTemporal(x)) return kind === 'bar' && (isTrue(horizontal) || /y$/.test(sort ?? '')) ? 'category' : 'time';
  return x.kind === 'number' && kind !== 'bar' ? 'value' : 'category';
}

/** One moment makes no axis of time. */
function isSinglePlace(x: Column): boolean {
  return isTemporal(x) && x.numbers().every((value, _, all) => value === all[0]);
}

function hasTwins({ x }: Series): boolean {
  return x.some((place, index) => index > 0 && place === x[index - 1]);
}

interface Group {
  name: string;
  column: Column;
  /** All rows when null. */
  rows: number[] | null;
  place: number;
  facet: number;
}

/** What series there are, each with its rows by their pictures. */
function namesOf(rows: number, color: Column | undefined, ys: Column[], facets: Facets | null): { name: string; column: Column; rows: number[][] | null }[] {
  if (!color && !facets) return ys.map((column) => ({ name: column.name, column, rows: null }));
  const byName = new Map<string, number[][]>();
  for (let row = 0; row < rows; row += 1) {
    const facet = facets ? (facets.of[row] as number) : 0;
    if (facet < 0) continue;
    const name = color ? (color.text(row) ?? NULL) : '';
    let lists = byName.get(name);
    if (!lists) byName.set(name, (lists = Array.from({ length: facets?.names.length ?? 1 }, () => [])));
    lists[facet]?.push(row);
  }
  // By name, so that a value keeps its colour in whatever order rows come.
  const ordered = [...byName].sort(([a], [b]) => Number(a === NULL) - Number(b === NULL) || NAMES.compare(a, b));
  return ordered.flatMap(([name, lists]) => ys.map((column) => ({ name: !color ? column.name : ys.length > 1 ? `${name}, ${column.name}` : name, column, rows: lists })));
}

function continuous({ name, column, rows, place, facet }: Group, x: Column, all: number, sorted: boolean): Series {
  const xs = x.numbers();
  const ys = column.numbers();
  const most = rows?.length ?? all;
  const kept = new Int32Array(most);
  let size = 0;
  for (let index = 0; index < most; index += 1) {
    const row = rows ? (rows[index] as number) : index;
    if (Number.isFinite(xs[row])) kept[size++] = row; // NULL has no place
  }
  const order = kept.subarray(0, size);
  if (sorted && !isSorted(order, xs)) order.sort((a, b) => (xs[a] as number) - (xs[b] as number));
  const at = (from: Float64Array) => fill(size, (index) => from[order[index] as number] as number);
  return { name, place, facet, x: at(xs), y: at(ys), rows: order };
}

function isSorted(order: Int32Array, xs: Float64Array): boolean {
  for (let index = 1; index < order.length; index += 1) {
    if ((xs[order[index] as number] as number) < (xs[order[index - 1] as number] as number)) return false;
  }
  return true;
}

/** Series that are stacked need the same places. */
function align(series: Series[]): void {
  const places = Float64Array.from(new Set(series.flatMap((one) => [...one.x]))).sort();
  const index = new Map([...places].map((place, at) => [place, at]));
  for (const one of series) {
    const y = new Float64Array(places.length).fill(NaN);
    const rows = new Int32Array(places.length).fill(-1);
    one.x.forEach((place, at) => {
      const to = index.get(place) as number;
      y[to] = sum(y[to] as number, one.y[at] as number);
      rows[to] = one.rows[at] as number;
    });
    Object.assign(one, { x: places, y, rows });
  }
}

/** Without `color` each row is a category of its own, also where its name was there before: nothing is hidden behind another. */
function fillCategories(plane: Plane, rows: number, groups: Group[], pivot: boolean, sort: string | undefined): void {
  const places = new Map<string, number>();
  const first: number[] = []; // a row of each category
  const placeOf = new Int32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const name = plane.x.text(row) ?? NULL;
    let place = pivot ? places.get(name) : undefined;
    if (place === undefined) {
      place = first.length;
      places.set(name, place);
      first.push(row);
    }
    placeOf[row] = place;
  }
  const size = first.length;
  plane.series = groups.map(({ name, column, rows: own, place: color, facet }) => {
    const numbers = column.numbers();
    const y = new Float64Array(size).fill(NaN);
    const from = new Int32Array(size).fill(-1);
    const put = (row: number) => {
      const place = placeOf[row] as number;
      y[place] = sum(y[place] as number, numbers[row] as number);
      from[place] = row;
    };
    if (own) own.forEach(put);
    else for (let row = 0; row < rows; row += 1) put(row);
    return { name, place: color, facet, x: fill(size, (place) => place), y, rows: from };
  });
  const order = sorted(plane, first, sort);
  plane.categories = order.map((place) => formatName(plane.x, first[place] as number));
  for (const one of plane.series) {
    const { y, rows: from } = one;
    one.y = fill(size, (at) => y[order[at] as number] as number);
    one.rows = Int32Array.from(order, (place) => from[place] as number);
  }
}

function sorted(plane: Plane, first: number[], sort: string | undefined): number[] {
  const order = first.map((_, place) => place);
  if (!sort) return order;
  const down = sort.startsWith('-') ? -1 : 1;
  if (sort.endsWith('y')) {
    const total = order.map((place) => plane.series.reduce((all, one) => all + (one.y[place] || 0), 0));
    return order.sort((a, b) => down * ((total[a] as number) - (total[b] as number)));
  }
  const { x } = plane;
  const row = (place: number) => first[place] as number;
  if (x.kind === 'text' || x.kind === 'bool') {
    const names = order.map((place) => x.text(row(place)) ?? NULL);
    return order.sort((a, b) => down * NAMES.compare(names[a] as string, names[b] as string));
  }
  return order.sort((a, b) => down * (x.number(row(a)) - x.number(row(b))) || 0);
}

const sum = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + b);
