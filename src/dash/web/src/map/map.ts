// Countries, or shapes of the page's own, coloured by a number; and points by where they are.
import { geoPath } from 'd3-geo';
import { base, faint, tip, tooltip, type Drawing, type Mark, type Surroundings } from '../charts/chart.js';
import { shade } from '../charts/heatmap.js';
import { ChartError, findColumn, NAMES, numberColumn, xColumn, type Options } from '../charts/spec.js';
import { isNumeric, type Column } from '../columns.js';
import type { Result } from '../data.js';
import { oneLine, shorten } from '../dom.js';
import { formatCell, formatName, formatNumber } from '../format.js';
import { atlasOf, type Atlas } from './atlas.js';
import { fitted, near } from './projection.js';

/** More points nobody can tell apart, and each of them is a mark. */
const MOST_POINTS = 20_000;
/** Of those that are no country, so many are named. */
const MOST_NAMED = 3;
/** Pixels: the radius of a point, of the smallest and of the largest where they have sizes. */
const RADIUS = 4;
const SIZES = [3, 22] as const;

interface Painted {
  color(row: number): string;
  legend: Drawing['legend'];
  scale?: NonNullable<Drawing['scale']>;
  isHidden(row: number): boolean;
}

export function map(result: Result, options: Options, around: Surroundings): Drawing {
  const { width } = around;
  const height = Number(options.height) || Math.round(Math.max(220, Math.min(560, width * 0.52)));
  const drawn = options.lat === undefined && options.lon === undefined ? areas : points;
  return drawn(result, options, around, atlasOf(around.shapes), [width, height]);
}

/** All shapes; those that no row is about are pale. */
function areas(result: Result, options: Options, around: Surroundings, atlas: Atlas, size: [number, number]): Drawing {
  const { colors, chosen } = around;
  const x = xColumn(result, options.x);
  const number = numberColumn(result, options.color ?? options.y, [x]);
  const rows = new Map<number, number>();
  const strange = new Set<string>();
  let twice = 0;
  for (let row = 0; row < result.rows; row += 1) {
    const name = x.text(row);
    if (name === null) continue;
    const place = atlas.find(name);
    if (place === undefined) strange.add(name);
    else if (rows.has(place)) twice += 1;
    else rows.set(place, row);
  }
  const painted = byNumber(number, [...rows.values()], options, around);
  // Of the world's countries those that are meant; of a page's own shapes all are.
  const shown = atlas.isGiven ? atlas.shapes : atlas.shapes.filter((_, place) => rows.has(place));
  const seen = { type: 'FeatureCollection', features: shown } as const;
  const projection = atlas.isGiven ? near(seen, size) : fitted(shown.length > 0 ? seen : { type: 'Sphere' }, size);
  const path = geoPath(projection).digits(1);
  const marks = atlas.shapes.map((shape, place) => ({ d: path(shape) ?? '', row: rows.get(place) ?? null, name: atlas.nameOf(shape) })).filter(({ d }) => d !== '');
  const color = (row: number | null) => {
    if (row === null || Number.isNaN(number.number(row))) return colors.line;
    return chosen && !chosen(x, row) ? faint(painted.color(row)) : painted.color(row);
  };
  return {
    ...framed(around, size, [
      shapes(marks.map(({ d, row }) => ({ d, fill: color(row) })), colors.surface, options.filter === undefined ? 'default' : 'pointer'),
    ], (mark) => {
      const { row = null, name = '' } = marks[mark.dataIndex] ?? {};
      if (row === null) return tip(name, []);
      const [own, value] = [formatName(x, row), { name: number.name, value: formatCell(number, row, options.format) ?? 'NULL' }];
      // What rows name a shape by may be a number that says nothing.
      return atlas.isGiven && name !== own ? tip(name, [{ name: x.name, value: own }, value]) : tip(own, [value]);
    }),
    points: rows.size,
    legend: [],
    ...(painted.scale ? { scale: painted.scale } : {}),
    notes: [...namesOf(strange, atlas), ...(twice > 0 ? [`${twice} more rows are of ${atlas.what} that are drawn already`] : [])],
    rowOf: (_, index) => marks[index]?.row ?? null,
  };
}

/** A circle for each row, over the shapes. */
function points(result: Result, options: Options, around: Surroundings, atlas: Atlas, size: [number, number]): Drawing {
  const { colors, chosen } = around;
  if (options.lat === undefined || options.lon === undefined) throw new ChartError('A map of points needs both: lat, degrees north, and lon, degrees east.');
  const lat = numberColumn(result, options.lat, []);
  const lon = numberColumn(result, options.lon, []);
  const weight = options.size === undefined ? null : numberColumn(result, options.size, []);
  const label = options.x === undefined ? (result.columns.find((column) => column.kind === 'text') ?? null) : findColumn(result, options.x);
  const color = options.color === undefined ? null : findColumn(result, options.color);
  let outside = 0;
  let rows: number[] = [];
  for (let row = 0; row < result.rows; row += 1) {
    const [north, east] = [lat.number(row), lon.number(row)];
    if (Number.isNaN(north) || Number.isNaN(east)) continue;
    if (Math.abs(north) > 90 || Math.abs(east) > 180) outside += 1;
    else rows.push(row);
  }
  const left = Math.max(0, rows.length - MOST_POINTS);
  rows = rows.slice(0, MOST_POINTS);
  const painted = color === null ? plain(around) : isNumeric(color) ? byNumber(color, rows, options, around) : byName(color, rows, around);
  const shown = rows.filter((row) => !painted.isHidden(row));
  const places = { type: 'MultiPoint', coordinates: rows.map((row) => [lon.number(row), lat.number(row)]) } as const;
  const projection = atlas.isGiven ? near({ type: 'GeometryCollection', geometries: [...atlas.shapes.map(({ geometry }) => geometry), places] }, size) : fitted(places, size);
  const path = geoPath(projection).digits(1);
  const radius = sizes(weight, rows);
  // Small ones lie above large ones.
  const marks = shown.flatMap((row) => {
    const at = projection([lon.number(row), lat.number(row)]);
    return at ? [{ row, at, r: radius(row) }] : [];
  }).sort((a, b) => b.r - a.r);
  const x = label ?? lat;
  return {
    ...framed(around, size, [
      { ...shapes(atlas.shapes.map((shape) => ({ d: path(shape) ?? '', fill: colors.line })).filter(({ d }) => d !== ''), colors.surface, 'default'), silent: true },
      circles(marks.map(({ row, at, r }) => ({ at, r, fill: chosen && !chosen(x, row) ? faint(painted.color(row)) : painted.color(row) })), colors.surface, options.filter === undefined ? 'default' : 'pointer'),
    ], (mark) => {
      const row = marks[mark.dataIndex]?.row;
      if (row === undefined || mark.seriesIndex !== 1) return tip('', []);
      const told = [weight, color].filter((column, at, all): column is Column => column !== null && all.indexOf(column) === at);
      const lines = told.map((column) => ({ name: column.name, value: formatCell(column, row, isNumeric(column) ? options.format : undefined) ?? 'NULL' }));
      const where = lines.length > 0 ? lines : [lat, lon].map((column) => ({ name: column.name, value: formatCell(column, row) ?? '' }));
      return tip(label ? formatName(label, row) : '', where);
    }),
    points: rows.length,
    legend: painted.legend,
    ...(painted.scale ? { scale: painted.scale } : {}),
    notes: [
      ...(outside > 0 ? [`${outside} ${outside === 1 ? 'row lies' : 'rows lie'} nowhere on earth: lat is -90 to 90, lon -180 to 180`] : []),
      ...(left > 0 ? [`${left} more points are not drawn`] : []),
    ],
    rowOf: (series, index) => (series === 1 ? (marks[index]?.row ?? null) : null),
  };
}

function framed({ colors }: Surroundings, [, height]: [number, number], series: object[], spoken: (mark: Mark) => HTMLElement): Pick<Drawing, 'option' | 'height'> {
  return {
    option: { ...base(colors, Infinity), tooltip: tooltip(colors, 'item', (marks) => spoken(marks as Mark)), series },
    height,
  };
}

function shapes(all: { d: string; fill: string }[], edge: string, cursor: string): object {
  return custom(all.map(({ d, fill }) => ({ type: 'path', shape: { pathData: d }, style: { fill, stroke: edge, lineWidth: 0.7 }, emphasis: { style: { lineWidth: 1.8 } } })), cursor);
}

function circles(all: { at: [number, number]; r: number; fill: string }[], edge: string, cursor: string): object {
  return custom(all.map(({ at: [cx, cy], r, fill }) => ({ type: 'circle', shape: { cx, cy, r }, style: { fill, opacity: 0.85, stroke: edge, lineWidth: 0.8 }, emphasis: { style: { opacity: 1, lineWidth: 1.8 } } })), cursor);
}

/** Marks where they are, without axes. */
function custom(marks: object[], cursor: string): object {
  return {
    type: 'custom',
    coordinateSystem: 'none',
    cursor,
    data: marks.map((_, index) => index),
    renderItem: ({ dataIndex }: { dataIndex: number }) => marks[dataIndex],
  };
}

/** By area, so that twice as much looks like twice as much. */
function sizes(weight: Column | null, rows: number[]): (row: number) => number {
  if (!weight) return () => RADIUS;
  const most = rows.reduce((most, row) => Math.max(most, weight.number(row) || 0), 0);
  const [least, largest] = SIZES;
  return (row) => {
    const share = most > 0 ? Math.max(0, weight.number(row) || 0) / most : 0;
    return Math.max(least, Math.sqrt(share) * largest);
  };
}

function plain({ colors }: Surroundings): Painted {
  return { color: () => colors.accent, legend: [], isHidden: () => false };
}

function byNumber(column: Column, rows: number[], { format }: Options, { colors }: Surroundings): Painted {
  const values = rows.map((row) => column.number(row)).filter(Number.isFinite);
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const show = (value: number) => formatNumber(String(value), format);
  const color = (row: number) => {
    const value = column.number(row);
    return Number.isFinite(value) ? shade(colors.scale, value, low, high) : colors.muted;
  };
  return { color, legend: [], ...(values.length > 0 ? { scale: { colors: colors.scale, low: show(low), high: show(high) } } : {}), isHidden: () => false };
}

function byName(column: Column, rows: number[], { colors, hidden }: Surroundings): Painted {
  const names = [...new Set(rows.map((row) => formatName(column, row)))].sort((a, b) => NAMES.compare(a, b));
  const place = new Map(names.map((name, at) => [name, at]));
  const of = (name: string) => colors.slices[(place.get(name) ?? 0) % colors.slices.length] ?? colors.accent;
  return { color: (row) => of(formatName(column, row)), legend: names.map((name) => ({ name, color: of(name) })), isHidden: (row) => hidden.has(formatName(column, row)) };
}

function namesOf(strange: ReadonlySet<string>, { nothing }: Atlas): string[] {
  if (strange.size === 0) return [];
  const some = [...strange].slice(0, MOST_NAMED).map((name) => `"${shorten(oneLine(name), 40)}"`).join(', ');
  const more = strange.size > MOST_NAMED ? ` and ${strange.size - MOST_NAMED} more` : '';
  return [`${strange.size} ${strange.size === 1 ? 'name' : 'names'} ${nothing[strange.size === 1 ? 0 : 1]}: ${some}${more}`];
}
