// Small multiples: a picture for each value of a column, all with the same axes, on one canvas.
import type { EChartsCoreOption } from 'echarts/core';
import { fill } from '../columns.js';
import type { Result } from '../data.js';
import { shorten } from '../dom.js';
import { formatName, NULL } from '../format.js';
import type { Colors } from '../theme.js';
import { canvasText, FONT, grid } from './chart.js';
import { findColumn, NAMES, type Options } from './spec.js';

/** More pictures than these nobody compares. */
const MOST = 24;
/** Pixels: the least width of a picture, what is between two, its title, and what it has below that. */
const WIDTH = 190;
const GAP = 18;
const TITLE = 22;
const HEIGHT = 140;

export interface Facets {
  /** Of the pictures, in their order. */
  names: string[];
  /** The picture of each row; -1 of those that are not drawn. */
  of: Int32Array;
  /** Pictures that are not drawn. */
  left: number;
}

/** The pictures that the rows make; null where nothing asks for more than one. */
export function facetsOf(result: Result, { facet }: Options): Facets | null {
  if (facet === undefined) return null;
  const column = findColumn(result, facet);
  const first = new Map<string, number>(); // a row of each
  for (let row = 0; row < result.rows; row += 1) {
    const name = column.text(row) ?? NULL;
    if (!first.has(name)) first.set(name, row);
  }
  const ordered = [...first].sort(([a], [b]) => Number(a === NULL) - Number(b === NULL) || NAMES.compare(a, b));
  const shown = ordered.slice(0, MOST);
  const places = new Map(shown.map(([name], at) => [name, at]));
  return {
    names: shown.map(([, row]) => formatName(column, row)),
    of: Int32Array.from({ length: result.rows }, (_, row) => places.get(column.text(row) ?? NULL) ?? -1),
    left: ordered.length - shown.length,
  };
}

export const notesOf = (facets: Pick<Facets, 'left'> | null): string[] => (facets && facets.left > 0 ? [`${facets.left} more pictures are not drawn`] : []);

export interface Panes {
  /** Of one picture, pixels. */
  width: number;
  /** Of all, pixels. */
  height: number;
  option: EChartsCoreOption;
}

/** Where the pictures stand, with their titles; `fixed` is how high all of them have to be together. */
export function panes(names: readonly string[], width: number, colors: Colors, fixed: string | undefined, each = HEIGHT): Panes {
  const columns = Math.max(1, Math.min(4, names.length, Math.floor((width + GAP) / (WIDTH + GAP))));
  const lines = Math.ceil(names.length / columns);
  const wanted = Number.parseInt(fixed ?? '', 10);
  const pane = (width - (columns - 1) * GAP) / columns;
  const plot = wanted > 0 ? Math.max(40, wanted / lines - TITLE - GAP) : each;
  const left = (at: number) => (at % columns) * (pane + GAP);
  const top = (at: number) => Math.floor(at / columns) * (TITLE + plot + GAP);
  return {
    width: pane,
    height: lines * (TITLE + plot + GAP),
    option: {
      grid: names.map((_, at) => ({ ...grid, left: left(at), top: top(at) + TITLE, width: pane - 8, height: plot, right: 'auto', bottom: 'auto' })),
      title: names.map((name, at) => ({
        text: shorten(canvasText(name), Math.floor(pane / 8)),
        left: left(at),
        top: top(at),
        padding: 0,
        textStyle: { color: colors.text, fontFamily: FONT, fontSize: 13, fontWeight: 600, lineHeight: 18 },
      })),
    },
  };
}

export interface Extent {
  min: number;
  max: number;
  interval?: number;
}

/** Round numbers around all values, as an axis has them. */
export function around(values: Iterable<number>, zero: boolean): Extent {
  let [low, high] = zero ? [0, 0] : [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  if (low === high) [low, high] = zero && high === 0 ? [0, 1] : [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2];
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const interval = ([1, 2, 5, 10].find((step) => step * power >= rough) ?? 10) * power;
  return { min: Math.floor(low / interval + 1e-9) * interval, max: Math.ceil(high / interval - 1e-9) * interval, interval };
}

/** What stands on one another, from the lowest to the highest: of each place the sum of what is above zero, and of what is below. */
export function piles(ys: readonly Float64Array[]): number[] {
  const length = ys.reduce((most, y) => Math.max(most, y.length), 0);
  const sum = (sign: number) => fill(length, (at) => ys.reduce((all, y) => all + Math.max(0, sign * (y[at] || 0)), 0) * sign);
  return [...sum(1), ...sum(-1)];
}

/** From the first place to the last; with `bars`, half of what is between two more at each end. */
export function reach(places: readonly Float64Array[], bars: boolean): Extent {
  const all = [...new Set(places.flatMap((x) => [...x]))].sort((a, b) => a - b);
  const [first = 0, last = 0] = [all[0], all.at(-1)];
  const step = all.reduce((least, place, at) => (at === 0 ? least : Math.min(least, place - (all[at - 1] as number))), last - first || 1);
  const edge = bars ? step / 2 : 0;
  return { min: first - edge, max: last + edge };
}
