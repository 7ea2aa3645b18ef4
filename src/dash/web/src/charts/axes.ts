// The two axes of a chart: where things stand, and how large they are.
import type { EChartsCoreOption } from 'echarts/core';
import { shorten } from '../dom.js';
import { formatTick, isLabel } from '../format.js';
import type { Colors } from '../theme.js';
import { canvasText, type Surroundings } from './chart.js';
import type { Plane } from './series.js';
import type { Options, XyKind } from './spec.js';

const DAY = 86_400_000;

export function placeAxis(kind: XyKind, plane: Plane, options: Options, { colors, width }: Surroundings, horizontal: boolean): EChartsCoreOption {
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

export function valueAxis(kind: XyKind, plane: Plane, options: Options, { colors }: Surroundings): EChartsCoreOption {
  return {
    type: 'value',
    scale: kind === 'line' || kind === 'scatter',
    splitNumber: 4,
    axisLine: { show: false, onZero: kind !== 'scatter' }, // the name stands at its end
    axisTick: { show: false },
    axisLabel: { color: colors.muted, fontSize: 12, hideOverlap: true, formatter: (value: number) => formatTick(value, options.format) },
    splitLine: { lineStyle: { color: colors.line } },
    ...title(kind, plane.ys.length === 1 ? (plane.ys[0]?.name ?? '') : '', colors, 'y'),
  };
}

/** Points need to be told what both axes are; elsewhere the tile's title says it. */
function title(kind: XyKind, name: string, colors: Colors, axis: 'x' | 'y'): EChartsCoreOption {
  if (kind !== 'scatter' || !name) return {};
  return {
    name: shorten(canvasText(name), 40),
    nameLocation: axis === 'x' ? 'middle' : 'end',
    nameGap: axis === 'x' ? 26 : 8,
    nameTextStyle: { color: colors.muted, fontSize: 12, align: axis === 'x' ? 'center' : 'left' },
  };
}
