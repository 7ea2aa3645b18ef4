// Two names and a number: the number is a colour.
import type { Column } from '../columns.js';
import type { Result } from '../data.js';
import { shorten } from '../dom.js';
import { formatName, formatNumber, NULL } from '../format.js';
import { base, canvasText, grid, tip, tooltip, type Drawing, type Mark, type Surroundings } from './chart.js';
import { ChartError, findColumn, numberColumn, xColumn, type Options } from './spec.js';

export function heatmap(result: Result, options: Options, { colors, chosen, width }: Surroundings): Drawing {
  const x = xColumn(result, options.x);
  const y = options.y === undefined ? result.columns.find((column) => column !== x) : findColumn(result, options.y);
  if (!y) throw new ChartError('A heatmap needs two columns of names, x and y, and one of numbers, color.');
  const size = numberColumn(result, options.color, [x, y]);
  const across = placesOf(x, result.rows);
  const up = placesOf(y, result.rows);
  const cells: { row: number; value: number }[] = [];
  let low = Infinity;
  let high = -Infinity;
  for (let row = 0; row < result.rows; row += 1) {
    const value = size.number(row);
    if (!Number.isFinite(value)) continue; // NULL stays empty
    cells.push({ row, value });
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const axis = (names: string[], most: number) => ({
    type: 'category',
    data: names.map(canvasText),
    splitArea: { show: false },
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: colors.muted, fontSize: 12, hideOverlap: true, formatter: (name: string) => shorten(name, most) },
  });
  const show = (value: number) => formatNumber(String(value), options.format);
  return {
    option: {
      ...base(colors, cells.length),
      grid,
      xAxis: axis(across.labels, Math.max(10, Math.floor(width / 50))),
      yAxis: { ...axis(up.labels, Math.max(12, Math.floor(width / 24))), inverse: true },
      tooltip: tooltip(colors, 'item', (marks) => {
        const cell = cells[(marks as Mark).dataIndex];
        if (!cell) return tip('', []);
        return tip(`${formatName(x, cell.row)}, ${formatName(y, cell.row)}`, [{ color: shade(colors.scale, cell.value, low, high), name: size.name, value: show(cell.value) }]);
      }),
      series: [
        {
          type: 'heatmap',
          cursor: options.filter === undefined ? 'default' : 'pointer',
          emphasis: { itemStyle: { borderColor: colors.text, borderWidth: 1 } },
          data: cells.map(({ row, value }) => ({
            value: [across.of[row], up.of[row], value],
            itemStyle: {
              color: shade(colors.scale, value, low, high),
              borderColor: colors.surface,
              borderWidth: cells.length > 2000 ? 0 : 1,
              opacity: chosen && !chosen(x, row) ? 0.35 : 1,
            },
          })),
        },
      ],
    },
    points: cells.length,
    height: Math.max(200, Math.min(720, 44 + up.labels.length * 28)),
    legend: [],
    ...(cells.length > 0 ? { scale: { colors: colors.scale, low: show(low), high: show(high) } } : {}),
    notes: [],
    rowOf: (_, index) => cells[index]?.row ?? null,
  };
}

/** The names in the order in which the rows have them; those of times and numbers in their own. */
function placesOf(column: Column, rows: number): { labels: string[]; of: Int32Array } {
  const first = new Map<string, number>();
  for (let row = 0; row < rows; row += 1) {
    const name = column.text(row) ?? NULL;
    if (!first.has(name)) first.set(name, row);
  }
  const names = [...first];
  if (column.kind !== 'text') names.sort(([, a], [, b]) => column.number(a) - column.number(b) || 0);
  const index = new Map(names.map(([name], place) => [name, place]));
  return {
    labels: names.map(([, row]) => formatName(column, row)),
    of: Int32Array.from({ length: rows }, (_, row) => index.get(column.text(row) ?? NULL) as number),
  };
}

/** Between the colours of the scale, evenly. */
export function shade(scale: string[], value: number, low: number, high: number): string {
  const at = high > low ? ((value - low) / (high - low)) * (scale.length - 1) : (scale.length - 1) / 2;
  const from = Math.min(scale.length - 2, Math.floor(at));
  const mix = at - from;
  const [a, b] = [rgb(scale[from]), rgb(scale[from + 1])];
  return `rgb(${a.map((part, index) => Math.round(part + ((b[index] ?? part) - part) * mix)).join(',')})`;
}

function rgb(hex = '#000000'): number[] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
