// A list of numbers as a small line in a table's cell.
import type { Column } from './columns.js';
import { el } from './dom.js';
import { formatNumber, NULL } from './format.js';

/** Of the picture. */
const WIDTH = 120;
const HEIGHT = 24;
const EDGE = 2;
/** Around where the line is. */
const DOT = 'm-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0';
const NAMESPACE = 'http://www.w3.org/2000/svg';

export function sparkline(column: Column, row: number, format?: string): HTMLElement {
  const items = column.items(row);
  if (items === null) return el('span', { class: 'null' }, NULL);
  const values = items.filter(Number.isFinite);
  const last = values.at(-1);
  if (last === undefined) return el('span', { class: 'null' }, items.length === 0 ? 'empty' : NULL);
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  const show = (value: number) => formatNumber(String(value), format);
  const gaps = items.length - values.length;
  const said = `${items.length} values: min ${show(low)}, max ${show(high)}, last ${show(last)}${gaps > 0 ? `, ${gaps} missing` : ''}`;
  const svg = document.createElementNS(NAMESPACE, 'svg');
  const line = document.createElementNS(NAMESPACE, 'path');
  const set = (element: Element, attributes: Record<string, string | number>) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, String(value)));
  set(svg, { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, 'aria-hidden': 'true', focusable: 'false' });
  set(line, { d: pathOf(items, low, high) });
  svg.append(line);
  const box = el('span', { class: 'spark', role: 'img', 'aria-label': said, title: said });
  box.append(svg);
  return box;
}

/** The line through the values, broken where one is missing; one that stands alone is a dot. */
export function pathOf(items: Float64Array, low: number, high: number): string {
  const points = thinned(items);
  const most = Math.max(1, items.length - 1);
  const x = (at: number) => round(EDGE + (at / most) * (WIDTH - 2 * EDGE));
  const half = high / 2 - low / 2; // between the largest numbers there is no number
  const y = (value: number) => round(half === 0 ? HEIGHT / 2 : HEIGHT - EDGE - ((value / 2 - low / 2) / half) * (HEIGHT - 2 * EDGE));
  let path = '';
  let isOpen = false;
  points.forEach(([at, value], index) => {
    if (!Number.isFinite(value)) isOpen = false;
    else if (isOpen) path += `L${x(at)} ${y(value)}`;
    else {
      isOpen = true;
      path += `M${x(at)} ${y(value)}`;
      if (!Number.isFinite(points[index + 1]?.[1] ?? NaN)) path += DOT;
    }
  });
  return path;
}

/** Of more values than the picture has dots, the least and the greatest of each dot, and one that is missing. */
function thinned(items: Float64Array): [at: number, value: number][] {
  const all = Array.from(items, (value, at) => [at, value] as [number, number]);
  if (items.length <= 4 * WIDTH) return all;
  const size = items.length / WIDTH;
  return Array.from({ length: WIDTH }, (_, dot) => {
    const own = all.slice(Math.floor(dot * size), Math.floor((dot + 1) * size));
    const there = own.filter(([, value]) => Number.isFinite(value)).sort(([, a], [, b]) => a - b);
    const gap = own.find(([, value]) => !Number.isFinite(value));
    return [there[0], there.at(-1), gap].filter((point) => point !== undefined).sort(([a], [b]) => a - b);
  }).flat();
}

const round = (place: number): number => Math.round(place * 10) / 10;
