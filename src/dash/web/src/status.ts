// The quiet line under a tile: how many rows, and what they took.
import { UTC } from './charts/chart.js';
import type { Result } from './data.js';
import { el } from './dom.js';
import { bytes, count, duration, usd } from './format.js';

export function statusLine({ rows, cost }: Result, notes: readonly string[]): (Node | string)[] {
  const parts = [`${count(rows)} ${rows === 1 ? 'row' : 'rows'}`];
  if (cost.cached) parts.push('cached');
  else {
    if (cost.ms !== undefined) parts.push(duration(cost.ms));
    if (cost.bytes !== undefined) parts.push(bytes(cost.bytes));
    if (cost.usd !== undefined) parts.push(usd(String(cost.usd)));
  }
  const warnings = cost.truncated ? ['More rows were left out', ...notes] : notes;
  return [parts.join(' · '), ...warnings.flatMap((warning) => [' · ', warning === UTC ? warning : el('span', { class: 'warning' }, warning)])];
}
