// Bars, lines, areas and points: what has an x and a y.
import type { EChartsCoreOption } from 'echarts/core';
import type { Result } from '../data.js';
import { shorten } from '../dom.js';
import { formatCell, formatNumber, formatTick, formatTime, isLabel } from '../format.js';
import { base, canvasText, faint, grid, seriesColor, tip, tooltip, UTC, type Drawing, type Mark, type Surroundings } from './chart.js';
import { toPlane, type Plane, type Series } from './series.js';
import { isTrue, type Options } from './spec.js';

const DAY = 86_400_000;

/** Lines of a tooltip. */
const MOST_LINES = 12;

export function xy(kind: 'bar' | 'line' | 'area' | 'scatter', result: Result, options: Options, around: Surroundings): Drawing {
  const { colors, hidden, chosen } = around;
  const plane = toPlane(kind, result, options);
  const horizontal = kind === 'bar' && isTrue(options.horizontal);
  const color = new Map(plane.series.map((series, index) => [series, seriesColor(colors, index)]));
  const shown = plane.series.filter((series) => !hidden.has(series.name));
  const points = shown.reduce((sum, series) => sum + series.x.length, 0);
  const single = plane.series.length === 1;

  const stacked = isTrue(options.stack) && kind !== 'scatter';
  // In a pile of areas a NULL is a layer without thickness; where all are NULL there is a gap.
  const first = shown[0];
  const filled = stacked && kind !== 'bar' ? first?.x.map((_, at) => Number(shown.some((series) => !Number.isNaN(series.y[at])))) : undefined;

  const place = placeAxis(kind, plane, options, around, horizontal);
  const value = valueAxis(kind, plane, options, around, horizontal);
  const option: EChartsCoreOption = {
    ...base(colors, points),
    grid,
    xAxis: horizontal ? value : place,
    yAxis: horizontal ? place : value,
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
      data: pairs(series, filled && series.y.map((value, at) => (Number.isNaN(value) && filled[at] ? 0 : value))),
      itemStyle: { color: markColor(color.get(series) ?? colors.accent, series, plane, chosen) },
      stack: stacked ? 'all' : undefined,
      cursor: options.filter === undefined ? 'default' : 'pointer',
      ...looks(kind, series, color.get(series) ?? colors.accent, plane.series.indexOf(series) >= colors.series.length),
    })),
  };
  return {
    option,
    points: shown.some((series) => series.y.some(Number.isFinite)) ? points : 0,
    ...(horizontal ? { height: Math.max(180, Math.min(900, 40 + plane.categories.length * (stacked || single ? 26 : 14 * shown.length + 10))) } : {}),
    legend: single ? [] : plane.series.map((series) => ({ name: series.name, color: color.get(series) ?? colors.accent })),
    notes: [...(plane.left > 0 ? [`${plane.left} more series are not drawn`] : []), ...(plane.x.kind === 'time' ? [UTC] : [])],
    rowOf: (series, index) => {
      const row = shown[series]?.rows[index] ?? -1;
      return row < 0 ? null : row;
    },
    ...(kind === 'scatter' ? {} : { along: { axis: horizontal ? 1 : 0, rowAt: (at: number) => nearest(shown, at) } }),
  };
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
function pairs({ x, y: own }: Series, y: Float64Array = own): Float64Array {
  const data = new Float64Array(x.length * 2);
  for (let index = 0; index < x.length; index += 1) {
    data[2 * index] = x[index] as number;
    const value = y[index] as number;
    data[2 * index + 1] = Number.isFinite(value) ? value : NaN; // infinity has no place either
  }
  return data;
}

function looks(kind: string, series: Series, color: string, again: boolean): EChartsCoreOption {
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

function markColor(color: string, series: Series, plane: Plane, chosen: Surroundings['chosen']): string | ((mark: Mark) => string) {
  if (!chosen) return color;
  return ({ dataIndex }) => {
    const row = series.rows[dataIndex] ?? -1;
    return row >= 0 && chosen(plane.x, row) ? color : faint(color);
  };
}

function placeAxis(kind: string, plane: Plane, options: Options, { colors, width }: Surroundings, horizontal: boolean): EChartsCoreOption {
  const label = { color: colors.muted, fontSize: 12, hideOverlap: true };
  const common = {
    axisLine: { show: true, onZero: kind !== 'scatter', lineStyle: { color: colors.line } },
    axisTick: { show: false },
    splitLine: { show: kind === 'scatter' && plane.axis !== 'category', lineStyle: { color: colors.line } },
  };
  if (plane.axis === 'category') {
    const names = plane.categories.map(canvasText);
    const longest = names.reduce((most, name) => Math.max(most, name.length), 0) * 7;
    const band = (width - 60) / Math.max(1, names.length);
    const turned = !horizontal && names.length > 1 && longest > band && band >= 14;
    return {
      ...common,
      type: 'category',
      data: names,
      inverse: horizontal, // the first row on top
      boundaryGap: kind === 'bar',
      axisLabel: {
        ...label,
        rotate: turned ? 40 : 0,
        ...(turned || longest <= band ? { interval: 0 } : {}),
        formatter: (name: string) => shorten(name, horizontal ? Math.max(12, Math.floor(width / 22)) : turned ? 18 : Math.max(18, Math.floor(width / 16))),
      },
    };
  }
  if (plane.axis === 'time') return { ...common, type: 'time', inverse: options.sort === '-x', ...(plane.x.kind === 'date' ? { minInterval: DAY } : {}), axisLabel: label };
  const plain = isLabel(plane.x);
  return {
    ...common,
    type: 'value',
    scale: true,
    inverse: options.sort === '-x',
    ...title(kind, plane.x.name, colors, 'x'),
    axisLabel: { ...label, formatter: (value: number) => (plain ? String(value) : formatTick(value)) },
  };
}

function valueAxis(kind: string, plane: Plane, options: Options, { colors }: Surroundings, horizontal: boolean): EChartsCoreOption {
  return {
    type: 'value',
    scale: kind === 'line' || kind === 'scatter',
    splitNumber: 4,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: colors.muted, fontSize: 12, hideOverlap: true, formatter: (value: number) => formatTick(value, options.format) },
    splitLine: { lineStyle: { color: colors.line } },
    ...title(horizontal ? 'bar' : kind, plane.ys.length === 1 ? (plane.ys[0]?.name ?? '') : '', colors, 'y'),
  };
}

/** Points need to be told what both axes are; elsewhere the tile's title says it. */
function title(kind: string, name: string, colors: Surroundings['colors'], axis: 'x' | 'y'): EChartsCoreOption {
  if (kind !== 'scatter' || !name) return {};
  return {
    name: shorten(canvasText(name), 40),
    nameLocation: axis === 'x' ? 'middle' : 'end',
    nameGap: axis === 'x' ? 26 : 8,
    nameTextStyle: { color: colors.muted, fontSize: 12, align: axis === 'x' ? 'center' : 'left' },
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
  const lines = list.flatMap((mark) => {
    const one = shown[mark.seriesIndex];
    const y = one?.y[mark.dataIndex] ?? NaN;
    if (!one || Number.isNaN(y)) return [];
    return [{ color: colorOf(mark), name: one.name, value: formatNumber(String(y), options.format), y }];
  });
  if (lines.length > MOST_LINES) lines.sort((a, b) => b.y - a.y);
  return tip(name, lines.slice(0, MOST_LINES), lines.length - MOST_LINES);
}

const colorOf = (mark: Mark): string | undefined => (typeof mark.color === 'string' ? mark.color : undefined);

