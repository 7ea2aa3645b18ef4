// One number, large, and how it compares with another.
import { findColumn, xColumn, type Options } from './spec.js';
import type { Result } from '../data.js';
import { el, oneLine } from '../dom.js';
import { formatCell, formatNumber, NULL } from '../format.js';

export function valueView(result: Result, options: Options): HTMLElement {
  const column = options.y === undefined ? xColumn(result, undefined) : findColumn(result, options.y);
  const text = formatCell(column, 0, options.format);
  const big = el('p', { class: 'big' }, text === null ? el('span', { class: 'null' }, NULL) : oneLine(text));
  big.style.setProperty('--length', String(text?.length ?? 4)); // as large as there is room for
  const than = options.compare === undefined ? null : findColumn(result, options.compare);
  return el('div', { class: 'value' }, big, than ? change(column.number(0), than.number(0), formatCell(than, 0, options.format)) : null);
}

function change(now: number, before: number, shown: string | null): HTMLElement {
  const share = (now - before) / Math.abs(before);
  if (!Number.isFinite(share)) return el('p', { class: 'change' }, `against ${shown ?? NULL}`);
  const arrow = share > 0 ? '▲' : share < 0 ? '▼' : '■';
  const percent = formatNumber(String(share), 'percent');
  return el(
    'p',
    { class: `change ${share > 0 ? 'up' : share < 0 ? 'down' : ''}` },
    el('span', { 'aria-hidden': 'true' }, `${arrow} `),
    el('strong', {}, share > 0 ? `+${percent}` : percent),
    ` against ${shown ?? NULL}`,
  );
}
