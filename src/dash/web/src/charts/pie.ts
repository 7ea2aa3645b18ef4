// Parts of a whole.
import type { Result } from '../data.js';
import { formatName, formatNumber } from '../format.js';
import { base, canvasText, faint, tip, tooltip, type Drawing, type Mark, type Surroundings } from './chart.js';
import { paletteOf } from './palette.js';
import { numberColumn, xColumn, type Options } from './spec.js';

/** More slices than these nobody can tell apart: the smallest are one. */
const MOST = 12;

interface Slice {
  name: string;
  value: number;
  row: number | null;
}

export function pie(result: Result, options: Options, { colors, hidden, chosen }: Surroundings): Drawing {
  const x = xColumn(result, options.x);
  const y = numberColumn(result, options.y, [x]);
  const all: Slice[] = [];
  let negative = 0;
  for (let row = 0; row < result.rows; row += 1) {
    const value = y.number(row);
    if (value < 0) negative += 1;
    else if (value > 0) all.push({ name: formatName(x, row), value, row });
  }
  const slices = together(all);
  const shown = slices.filter((slice) => !hidden.has(slice.name));
  const total = shown.reduce((sum, slice) => sum + slice.value, 0);
  const own = paletteOf(x.name).of(slices.filter(({ row }) => row !== null).map(({ name }) => name), colors.slices.length);
  const colorOf = ({ name, row }: Slice) => (row === null ? colors.muted : (colors.slices[own.get(name) ?? 0] ?? colors.accent));
  const share = (slice: Slice) => formatNumber(String(slice.value / total), 'percent');
  return {
    option: {
      ...base(colors, shown.length),
      tooltip: tooltip(colors, 'item', (marks) => {
        const slice = shown[(marks as Mark).dataIndex];
        if (!slice) return tip('', []);
        return tip(slice.name, [
          { color: colorOf(slice), name: y.name, value: formatNumber(String(slice.value), options.format) },
          { name: 'Share', value: share(slice) },
        ]);
      }),
      series: [
        {
          type: 'pie',
          radius: ['52%', '92%'],
          minAngle: 1,
          cursor: options.filter === undefined ? 'default' : 'pointer',
          itemStyle: { borderColor: colors.surface, borderWidth: 2 },
          label: { show: false }, // they would overlap: names and shares stand in the legend
          emphasis: { scaleSize: 4 },
          data: shown.map((slice) => ({
            value: slice.value,
            name: canvasText(slice.name),
            itemStyle: { color: chosen && (slice.row === null || !chosen(x, slice.row)) ? faint(colorOf(slice)) : colorOf(slice) },
          })),
        },
      ],
    },
    points: shown.length,
    legend: slices.map((slice) => ({ name: slice.name, color: colorOf(slice), ...(hidden.has(slice.name) ? {} : { note: share(slice) }) })),
    notes: negative > 0 ? [`${negative} negative ${negative === 1 ? 'value has' : 'values have'} no slice`] : [],
    rowOf: (_, index) => shown[index]?.row ?? null,
  };
}

function together(all: Slice[]): Slice[] {
  if (all.length <= MOST) return all;
  const bySize = [...all].sort((a, b) => b.value - a.value);
  const rest = bySize.slice(MOST - 1);
  return [...bySize.slice(0, MOST - 1), { name: `${rest.length} others`, value: rest.reduce((sum, slice) => sum + slice.value, 0), row: null }];
}
