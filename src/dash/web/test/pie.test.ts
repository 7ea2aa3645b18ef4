import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pie } from '../src/charts/pie.js';
import type { Result } from '../src/data.js';
import { result } from './result.js';

// What a browser has and Node has not.
Object.assign(globalThis, { window: { matchMedia: () => ({ matches: true }) } });

const colors = { text: '', muted: 'grey', line: '', surface: '', accent: '', series: ['one', 'two', 'three'], scale: [] };
const legend = (rows: Result, hidden: string[] = []) => pie(rows, {}, { colors, width: 400, hidden: new Set(hidden), chosen: null }).legend;

test('a name keeps its colour in whatever order rows come', () => {
  const there = legend(result({ zone: ['b', 'a', 'c10', 'c9'], n: [4, 3, 2, 1] }));
  const other = legend(result({ zone: ['c9', 'c10', 'a', 'b'], n: [9, 8, 7, 6] }));
  const byName = (all: typeof there) => Object.fromEntries(all.map(({ name, color }) => [name, color]));
  assert.deepEqual(byName(there), { a: 'one', b: 'two', c9: 'three', c10: 'one' });
  assert.deepEqual(byName(other), byName(there));
});

test('names have their shares, of what is not put away', () => {
  const rows = result({ zone: ['a', 'b', 'c'], n: [1, 1, 2] });
  assert.deepEqual(legend(rows).map(({ note }) => note), ['25%', '25%', '50%']);
  assert.deepEqual(legend(rows, ['c']).map(({ note }) => note), ['50%', '50%', undefined]);
});

test('what is beyond the largest is one slice', () => {
  const names = legend(result({ zone: Array.from({ length: 30 }, (_, at) => `z${at}`), n: Array.from({ length: 30 }, () => 1) }));
  assert.equal(names.length, 12);
  assert.deepEqual(names.at(-1), { name: '19 others', color: 'grey', note: '63.3%' });
});
