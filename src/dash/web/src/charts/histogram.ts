// How often numbers of which size come: the rows are counted here, in bins of equal width.
import { isTemporal, type Column } from '../columns.js';
import type { Result } from '../data.js';
import { count, formatNumber, formatTick, formatTime } from '../format.js';
import { around, facetsOf, notesOf, panes, type Extent } from './facet.js';
import { base, grid, tip, tooltip, UTC, type Drawing, type Mark, type Surroundings } from './chart.js';
import { ChartError, findColumn, type Options } from './spec.js';

export interface Bins {
  from: number;
  width: number;
  counts: number[];
}

export function histogram(result: Result, options: Options, { colors, width }: Surroundings): Drawing {
  const x = options.x === undefined ? result.columns.find((column) => column.kind === 'number' || isTemporal(column)) : findColumn(result, options.x);
  if (!x || (x.kind !== 'number' && !isTemporal(x))) {
    throw new ChartError(x ? `The column "${x.name}" has no numbers in it, and a histogram counts numbers.` : 'A histogram needs a column of numbers.');
  }
  const facets = facetsOf(result, options);
  const numbers = x.numbers();
  const without = numbers.reduce((sum, value) => sum + Number(!Number.isFinite(value)), 0);
  const pictures = facets ? facets.names.map((_, facet) => numbers.filter((value, row) => Number.isFinite(value) && facets.of[row] === facet)) : [numbers.filter(Number.isFinite)];
  const values = facets ? numbers.filter((value, row) => Number.isFinite(value) && (facets.of[row] as number) >= 0) : (pictures[0] as Float64Array);
  const bins = binned(values, wanted(options.bins), isWhole(x));
  const counts = facets ? pictures.map((own) => countsOf(own, bins)) : [bins.counts];
  const layout = facets && panes(facets.names, width, colors, options.height);
  const time = isTemporal(x);
  const show = (value: number) => (time ? formatTime(value, bins.width >= 86_400_000) : formatNumber(String(round(value)), options.format));
  const end = bins.from + bins.width * bins.counts.length;
  const place = {
    type: time ? 'time' : 'value',
    min: bins.from,
    max: end,
    axisLine: { show: true, lineStyle: { color: colors.line } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { color: colors.muted, fontSize: 12, hideOverlap: true, ...(time ? {} : { formatter: (value: number) => formatTick(round(value), options.format) }) },
  };
  const value = {
    type: 'value',
    axisLine: { show: false },
    axisTick: { show: false },
    minInterval: 1,
    splitNumber: 4,
    axisLabel: { color: colors.muted, fontSize: 12, formatter: (value: number) => formatTick(value) },
    splitLine: { lineStyle: { color: colors.line } },
    ...(layout ? whole(around(counts.flat(), true)) : {}),
  };
  const each = <Axis>(axis: Axis) => (layout ? counts.map((_, gridIndex) => ({ ...axis, gridIndex })) : axis);
  return {
    option: {
      ...base(colors, bins.counts.length * counts.length),
      grid,
      ...layout?.option,
      xAxis: each(place),
      yAxis: each(value),
      tooltip: {
        ...tooltip(colors, 'item', (marks) => {
          const { dataIndex, seriesIndex } = marks as Mark;
          const from = bins.from + dataIndex * bins.width;
          const picture = facets ? `${facets.names[seriesIndex] ?? ''}: ` : '';
          return tip(`${picture}${show(from)} to ${show(from + bins.width)}`, [{ color: colors.series[0], name: 'rows', value: count(counts[seriesIndex]?.[dataIndex] ?? 0) }]);
        }),
      },
      series: counts.map((own, at) => ({
        type: 'bar',
        barCategoryGap: '4%',
        itemStyle: { color: colors.series[0] },
        data: own.map((rows, index) => [bins.from + (index + 0.5) * bins.width, rows]),
        ...(layout ? { xAxisIndex: at, yAxisIndex: at } : {}),
      })),
    },
    points: values.length,
    ...(layout && facets ? { height: layout.height, pictures: facets.names } : {}),
    legend: [],
    notes: [...notesOf(facets), ...(without > 0 ? [`${count(without)} without a number`] : []), ...(without === 0 && time ? [UTC] : [])],
    rowOf: () => null,
  };
}

function wanted(bins: string | undefined): number | null {
  const number = Number(bins);
  return bins !== undefined && Number.isFinite(number) ? Math.max(1, Math.min(500, Math.round(number))) : null;
}

/** So many bins as asked for, or as many as the root of the rows, with edges at round numbers. */
export function binned(values: Float64Array, bins: number | null, whole: boolean): Bins {
  if (values.length === 0) return { from: 0, width: 1, counts: [0] };
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)] as [number, number], [Infinity, -Infinity] as [number, number]);
  let from = low;
  let width: number;
  let size: number;
  if (!Number.isFinite(high - low)) throw new ChartError('The numbers are too far apart to be counted in bins.');
  if (low === high || high - low < Number.MIN_VALUE * 1e6) {
    width = 1;
    from = whole ? low : low - 0.5;
    size = 1;
  } else if (bins !== null) {
    size = bins;
    width = (high - low) / size;
  } else {
    width = nice((high - low) / Math.max(5, Math.min(40, Math.ceil(Math.sqrt(values.length)))));
    if (whole) width = Math.max(1, Math.round(width));
    from = Math.floor(low / width) * width;
    size = Math.floor((high - from) / width) + 1;
  }
  return { from, width, counts: countsOf(values, { from, width, counts: new Array<number>(size) }) };
}

/** How many values are in each of the bins. */
function countsOf(values: Float64Array, { from, width, counts: { length } }: Bins): number[] {
  const counts = new Array<number>(length).fill(0);
  for (const value of values) {
    const bin = Math.min(length - 1, Math.floor((value - from) / width)); // the greatest belongs to the last
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** 1, 2 or 5 times a power of ten, near the number. */
function nice(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  const step = width / power;
  return power * (step < 1.5 ? 1 : step < 3.5 ? 2 : step < 7.5 ? 5 : 10);
}

const isWhole = (column: Column): boolean => column.exact && !column.text(0)?.includes('.');
/** Of an axis that counts. */
const whole = ({ min, max, interval = 1 }: Extent): Extent => ({ min, max, interval: Math.max(1, interval) });
const round = (value: number): number => Number(value.toPrecision(12));
