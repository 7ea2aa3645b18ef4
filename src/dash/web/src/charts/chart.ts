// What every drawn chart gives to its tile, and what all of them have in common.
import type { EChartsCoreOption } from 'echarts/core';
import type { Column } from '../columns.js';
import { el, oneLine, shorten } from '../dom.js';
import type { Colors } from '../theme.js';
import type { Shapes } from './shapes.js';

export type Chosen = (column: Column, row: number) => boolean;

export interface Surroundings {
  colors: Colors;
  /** Pixels. */
  width: number;
  /** Series that the reader has put away in the legend. */
  hidden: ReadonlySet<string>;
  /** Whether a click chose the row's x; null when nothing is chosen. */
  chosen: Chosen | null;
  /** Of a map that has its own. */
  shapes?: Shapes | null;
}

export interface Drawing {
  option: EChartsCoreOption;
  /** How many marks; none when no row has a value. */
  points: number;
  /** Pixels, when the chart knows better than the usual. */
  height?: number;
  /** More than one series has names to be shown; some with a number of theirs. */
  legend: { name: string; color: string; note?: string }[];
  /** A scale of colours with its ends. */
  scale?: { colors: string[]; low: string; high: string };
  /** What the reader must know: what was left out. */
  notes: string[];
  /** The row of the result behind a mark. */
  rowOf(series: number, index: number): number | null;
  /** Where all that stands at one place of an axis is meant by a click there: the row nearest to the place. */
  along?: { axis: 0 | 1; rowAt(place: number, picture: number): number | null };
  /** What each picture is called, where there are several. */
  pictures?: string[];
}

/** What ECharts gives to formatters and handlers, as far as it is used. */
export interface Mark {
  seriesIndex: number;
  dataIndex: number;
  seriesName?: string;
  color?: string;
  value?: unknown;
  name?: string;
}

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/**
 * Text for the canvas. ECharts keeps what it measured in plain objects: a value such as `__proto__` or `constructor` would
 * find, and change, what all objects have. A character without width makes another key of it.
 */
export function canvasText(text: string): string {
  const line = oneLine(text);
  return line in Object.prototype ? `${line}\u2060` : line;
}

/** A note, not a warning. */
export const UTC = 'times in UTC';

/** Half a second of motion at the most, none for many points or for those who want none. */
export function base(colors: Colors, points: number): EChartsCoreOption {
  return {
    animation: points <= 1000 && !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
    animationDuration: 350,
    animationDurationUpdate: 250,
    useUTC: true,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: FONT, color: colors.text },
  };
}

/** Labels stay inside: names of any length are cut, not run over. */
export const grid = { left: 2, right: 14, top: 14, bottom: 2, outerBoundsMode: 'same', outerBoundsContain: 'all' } as const;

export function tooltip(colors: Colors, trigger: 'item' | 'axis', formatter: (marks: Mark | Mark[]) => HTMLElement): EChartsCoreOption {
  return {
    trigger,
    formatter,
    confine: true,
    transitionDuration: 0,
    backgroundColor: colors.surface,
    borderColor: colors.line,
    borderWidth: 1,
    padding: [8, 10],
    textStyle: { color: colors.text, fontFamily: FONT, fontSize: 13 },
    axisPointer: { type: 'line', lineStyle: { color: colors.muted, type: 'dashed' }, shadowStyle: { color: `${colors.muted}22` } },
  };
}

/** A tooltip's content is made of elements, not of HTML: names and values are hostile. */
export function tip(title: string, lines: { color?: string | undefined; name: string; value: string }[], more = 0): HTMLElement {
  return el(
    'div',
    { class: 'tip' },
    title ? el('b', {}, shorten(oneLine(title), 80)) : null,
    ...lines.map(({ color, name, value }) => el('div', {}, color ? swatch(color) : null, el('span', {}, shorten(oneLine(name), 60)), el('strong', {}, shorten(oneLine(value), 60)))),
    more > 0 ? el('small', {}, `and ${more} more`) : null,
  );
}

export function swatch(color: string): HTMLElement {
  const box = el('i', { class: 'swatch', 'aria-hidden': 'true' });
  box.style.background = color;
  return box;
}

/** Series beyond the palette's end take its colours again. */
export const seriesColor = (colors: Colors, index: number): string => colors.series[index % colors.series.length] ?? colors.accent;

/** Fainter, where something else was chosen. */
export const faint = (color: string): string => `${color}59`;
