// Bars, lines, areas and points: what has an x and a y.
import type { EChartsCoreOption } from 'echarts/core';
import type { Result } from '../data.js';
import { count, formatCell, formatNumber, formatTime } from '../format.js';
import { placeAxis, valueAxis } from './axes.js';
import { around as rounded, notesOf, panes, piles, reach, type Panes } from './facet.js';
import { base, canvasText, faint, grid, seriesColor, tip, tooltip, UTC, type Chosen, type Drawing, type Mark, type Surroundings } from './chart.js';
import { toPlane, type Plane, type Series } from './series.js';
import { isTrue, type Options, type XyKind } from './spec.js';

/** Lines of a tooltip. */
const MOST_LINES = 12;

interface Colored extends Series {
  color: string;
  /** Its colour is another's too, for there are more series than colours. */
  again: boolean;
}

export function xy(kind: XyKind, result: Result, options: Options, around: Surroundings): Drawing {
  const { colors, hidden, chosen } = around;
  const plane = toPlane(kind, result, options);
  const all: Colored[] = plane.series.map((series) => ({ ...series, color: seriesColor(colors, series.place), again: series.place >= colors.series.length }));
  const shown = all.filter((series) => !hidden.has(series.name));
  const points = shown.reduce((sum, series) => sum + series.x.length, 0);
  const horizontal = kind === 'bar' && isTrue(options.horizontal);
  const stacked = kind !== 'scatter' && isTrue(options.stack);
  const drawn = stacked && kind !== 'bar' ? piled(shown) : shown.map((series) => series.y);
  const pictures = plane.facets?.names ?? null;
  const each = horizontal ? heightOf(plane.categories.length, stacked ? 1 : plane.names.length) : undefined;
  const layout = pictures && panes(pictures, around.width, colors, options.height, each);
  const place = { ...placeAxis(kind, plane, options, { ...around, width: layout?.width ?? around.width }, horizontal), ...(layout && plane.axis !== 'category' ? placesOf(kind, plane, shown) : {}) };
  const value = { ...valueAxis(kind, plane, options, around), ...(layout ? valuesOf(kind, shown, stacked) : {}) };
  return {
    option: {
      ...base(colors, points),
      ...axes(horizontal ? value : place, horizontal ? place : value, layout, pictures?.length ?? 0),
      tooltip: {
        ...tooltip(colors, kind === 'scatter' ? 'item' : 'axis', (marks) => tipOf(marks, shown, plane, options)),
        ...(kind === 'bar' ? { axisPointer: { type: 'shadow', shadowStyle: { color: `${colors.muted}1f` } } } : {}),
      },
      series: shown.map((series, index) => ({
        id: `${index}`,
        name: canvasText(series.name),
        type: kind === 'area' ? 'line' : kind,
        dimensions: ['x', 'y'],
        encode: horizontal ? { x: 'y', y: 'x' } : { x: 'x', y: 'y' },
        data: pairs(series.x, drawn[index] ?? series.y),
        itemStyle: { color: markColor(series, plane, chosen) },
        stack: stacked ? `${series.facet}` : undefined,
        ...(layout ? { xAxisIndex: series.facet, yAxisIndex: series.facet } : {}),
        cursor: options.filter === undefined ? 'default' : 'pointer',
        ...looks(kind, series),
      })),
    },
    points: shown.some((series) => series.y.some(Number.isFinite)) ? points : 0,
    ...(layout ? { height: layout.height } : each === undefined ? {} : { height: each }),
    ...(pictures ? { pictures } : {}),
    legend: plane.names.length > 1 ? plane.names.map((name, at) => ({ name, color: seriesColor(colors, at) })) : [],
    notes: [...notesOf(plane.facets), ...nowhere(plane), ...(plane.left > 0 ? [`${plane.left} more series are not drawn`] : []), ...(plane.x.kind === 'time' ? [UTC] : [])],
    rowOf: (series, index) => {
      const row = shown[series]?.rows[index] ?? -1;
      return row < 0 ? null : row;
    },
    ...(kind === 'scatter' ? {} : { along: { axis: horizontal ? 1 : 0, rowAt: (at: number, picture: number) => nearest(shown.filter(({ facet }) => facet === picture), at) } }),
  };
}

/** Rows that are left out: infinite times, say. */
function nowhere({ axis, x }: Plane): string[] {
  if (axis === 'category') return [];
  const left = x.numbers().reduce((sum, place, row) => sum + Number(!Number.isFinite(place) && x.text(row) !== null), 0);
  return left > 0 ? [`${count(left)} ${left === 1 ? 'row has' : 'rows have'} no place on the axis`] : [];
}

/** Of lying bars: so that each has a line for its name. */
function heightOf(categories: number, bars: number): number {
  return Math.max(180, Math.min(900, 40 + categories * (bars === 1 ? 26 : 14 * bars + 10)));
}

/** In a pile of areas a NULL is a layer without thickness; where all are NULL there is a gap. */
function piled(shown: Series[]): Float64Array[] {
  return shown.map(({ y, facet }) => {
    const pile = shown.filter((other) => other.facet === facet);
    return y.map((value, at) => (Number.isNaN(value) && pile.some((other) => !Number.isNaN(other.y[at])) ? 0 : value));
  });
}

/** One of each, or one of each for every picture. */
function axes(x: EChartsCoreOption, y: EChartsCoreOption, layout: Panes | null, pictures: number): EChartsCoreOption {
  if (!layout) return { grid, xAxis: x, yAxis: y };
  const all = (axis: EChartsCoreOption) => Array.from({ length: pictures }, (_, gridIndex) => ({ ...axis, gridIndex }));
  return { ...layout.option, xAxis: all(x), yAxis: all(y) };
}

/** The same places in every picture. */
function placesOf(kind: XyKind, plane: Plane, shown: Series[]): EChartsCoreOption {
  const places = shown.map(({ x }) => x);
  return plane.axis === 'time' || kind === 'bar' ? { ...reach(places, kind === 'bar') } : { ...rounded(places.flatMap((x) => [...x]), false) };
}

/** The same values in every picture. */
function valuesOf(kind: XyKind, shown: Series[], stacked: boolean): EChartsCoreOption {
  const of = (facet: number) => shown.filter((series) => series.facet === facet).map(({ y }) => y);
  const facets = [...new Set(shown.map(({ facet }) => facet))];
  const values = stacked ? facets.flatMap((facet) => piles(of(facet))) : shown.flatMap(({ y }) => [...y]);
  return { ...rounded(values, stacked || kind === 'bar' || kind === 'area') };
}


function nearest(series: Series[], at: number): number | null {
  let best: number | null = null;
  let distance = Infinity;
  for (const { x, rows } of series) {
    for (let index = 0; index < x.length; index += 1) {
      const away = Math.abs((x[index] as number) - at);
      const row = rows[index] as number;
      if (away < distance && row >= 0) [best, distance] = [row, away];
    }
  }
  return best;
}

/** x and y after one another: ECharts reads it without an object for each point. */
function pairs(x: Float64Array, y: Float64Array): Float64Array {
  const data = new Float64Array(x.length * 2);
  for (let index = 0; index < x.length; index += 1) {
    data[2 * index] = x[index] as number;
    const value = y[index] as number;
    data[2 * index + 1] = Number.isFinite(value) ? value : NaN; // infinity has no place either
  }
  return data;
}

function looks(kind: XyKind, series: Colored): EChartsCoreOption {
  const { color, again } = series;
  const many = series.x.length;
  switch (kind) {
    case 'bar':
      return { barMaxWidth: 56, barCategoryGap: '25%', large: many > 2000 };
    case 'scatter':
      return { symbolSize: many > 5000 ? 3 : many > 500 ? 5 : 8, large: many > 2000, largeThreshold: 2000, progressive: 0 };
    default: {
      const alone = isolated(series);
      return {
        lineStyle: { width: many > 5000 ? 1 : 2, color, type: again ? 'dashed' : 'solid' },
        areaStyle: kind === 'area' ? { color, opacity: 0.22 } : undefined,
        connectNulls: false,
        sampling: 'lttb',
        // A point between two NULLs has no line: it is shown as a dot, as all are when they are few.
        showSymbol: many <= 40 || alone.size > 0,
        showAllSymbol: many <= 40 || alone.size > 0,
        symbol: 'circle',
        symbolSize: many <= 40 ? 6 : (_: unknown, mark: Mark) => (alone.has(mark.dataIndex) ? 5 : 0),
      };
    }
  }
}

function isolated({ y }: Series): Set<number> {
  const found = new Set<number>();
  if (y.length > 5000) return found; // closer together than a dot is wide
  for (let index = 0; index < y.length; index += 1) {
    const is = (at: number) => Number.isFinite(y[at] ?? NaN);
    if (is(index) && !is(index - 1) && !is(index + 1)) found.add(index);
  }
  return found;
}

function markColor({ color, rows }: Colored, plane: Plane, chosen: Chosen | null): string | ((mark: Mark) => string) {
  if (!chosen) return color;
  return ({ dataIndex }) => {
    const row = rows[dataIndex] ?? -1;
    return row >= 0 && chosen(plane.x, row) ? color : faint(color);
  };
}

function tipOf(marks: Mark | Mark[], shown: Series[], plane: Plane, options: Options): HTMLElement {
  const list = Array.isArray(marks) ? marks : [marks];
  const first = list[0];
  const series = first && shown[first.seriesIndex];
  if (!first || !series) return tip('', []);
  const dateOnly = plane.x.kind === 'date';
  const at = series.x[first.dataIndex] as number;
  const row = series.rows[first.dataIndex] ?? -1;
  const name =
    plane.axis === 'time' ? (row < 0 ? formatTime(at, dateOnly) : `${formatCell(plane.x, row) ?? ''}${dateOnly ? '' : ' UTC'}`)
    : plane.axis === 'category' ? (plane.categories[first.dataIndex] ?? '')
    : `${plane.x.name}: ${row >= 0 ? (formatCell(plane.x, row) ?? '') : at}`;
  const picture = plane.facets ? `${plane.facets.names[series.facet] ?? ''}: ` : '';
  const lines = list.flatMap((mark) => {
    const one = shown[mark.seriesIndex];
    const y = one?.y[mark.dataIndex] ?? NaN;
    if (!one || Number.isNaN(y)) return [];
    return [{ color: colorOf(mark), name: one.name, value: formatNumber(String(y), options.format), y }];
  });
  if (lines.length > MOST_LINES) lines.sort((a, b) => b.y - a.y);
  return tip(picture + name, lines.slice(0, MOST_LINES), lines.length - MOST_LINES);
}

const colorOf = (mark: Mark): string | undefined => (typeof mark.color === 'string' ? mark.color : undefined);

