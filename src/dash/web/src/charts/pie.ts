// Parts of a whole.
import type { Result } from '../data.js';
import { shorten } from '../dom.js';
import { formatName, formatNumber } from '../format.js';
import { base, canvasText, faint, seriesColor, tip, tooltip, type Drawing, type Mark, type Surroundings } from './chart.js';
import { numberColumn, xColumn, type Options } from './spec.js';

/** More slices than these nobody can tell apart: the smallest are one. */
const MOST = 12;
/** Slices that are too thin have their name in the legend alone. */
const unlabelled = { label: { show: false }, labelLine: { show: false } };

interface Slice {
  name: string;
  value: number;
  row: number | null;
}

export function pie(result: Result, options: Options, { colors, hidden, chosen, width }: Surroundings): Drawing {
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
  const colorOf = (slice: Slice) => (slice.row === null ? colors.muted : seriesColor(colors, slices.indexOf(slice)));
  const labelled = width > 420;
  return {
    option: {
      ...base(colors, shown.length),
      tooltip: tooltip(colors, 'item', (marks) => {
        const slice = shown[(marks as Mark).dataIndex];
        if (!slice) return tip('', []);
        return tip(slice.name, [
          { color: colorOf(slice), name: y.name, value: formatNumber(String(slice.value), options.format) },
          { name: 'Share', value: formatNumber(String(slice.value / total), 'percent') },
        ]);
      }),
      series: [
        {
          type: 'pie',
          radius: ['45%', '78%'],
          minAngle: 1,
          cursor: options.filter === undefined ? 'default' : 'pointer',
          itemStyle: { borderColor: colors.surface, borderWidth: 2 },
          label: {
            show: labelled,
            color: colors.text,
            formatter: ({ dataIndex }: Mark) => `${shorten(canvasText(shown[dataIndex]?.name ?? ''), 22)} ${formatNumber(String((shown[dataIndex]?.value ?? 0) / total), 'percent')}`,
          },
          labelLine: { lineStyle: { color: colors.muted } },
          emphasis: { scaleSize: 4 },
          data: shown.map((slice) => ({
            value: slice.value,
            name: canvasText(slice.name),
            ...(slice.value / total < 0.03 ? unlabelled : {}),
            itemStyle: { color: chosen && (slice.row === null || !chosen(x, slice.row)) ? faint(colorOf(slice)) : colorOf(slice) },
          })),
        },
      ],
    },
    points: shown.length,
    legend: slices.map((slice) => ({ name: slice.name, color: colorOf(slice) })),
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
