import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pie } from '../src/charts/pie.js';
import type { Result } from '../src/data.js';
import { result } from './result.js';

// What a browser has and Node has not.
Object.assign(globalThis, { window: { matchMedia: () => ({ matches: true }) } });

const colors = { text: '', muted: 'grey', line: '', surface: '', accent: '', series: ['one'], slices: Array.from({ length: 12 }, (_, at) => `c${at}`), scale: [] };
const legend = (rows: Result, hidden: string[] = []) => pie(rows, {}, { colors, width: 400, hidden: new Set(hidden), chosen: null }).legend;

const byName = (all: ReturnType<typeof legend>) => Object.fromEntries(all.map(({ name, color }) => [name, color]));

test('a name keeps its colour in whatever order rows come, and whichever are left away', () => {
  const there = byName(legend(result({ place: ['b', 'a', 'c10', 'c9'], n: [4, 3, 2, 1] })));
  assert.deepEqual(there, { a: 'c0', b: 'c1', c9: 'c2', c10: 'c3' });
  assert.deepEqual(byName(legend(result({ place: ['c9', 'c10', 'a', 'b'], n: [9, 8, 7, 6] }))), there);
  assert.deepEqual(byName(legend(result({ place: ['c10', 'b'], n: [1, 1] }))), { b: 'c1', c10: 'c3' });
  assert.deepEqual(byName(legend(result({ place: ['aa', 'c10'], n: [1, 1] }))), { aa: 'c4', c10: 'c3' });
  assert.deepEqual(byName(legend(result({ place: ['b', 'a', 'c10', 'c9'], n: [4, 3, 2, 1] }))), there);
});

test('twelve names have twelve colours, whatever was there before', () => {
  for (const from of [0, 5, 20, 3, 0]) {
    const names = Array.from({ length: 12 }, (_, at) => `z${from + at}`);
    const colors = legend(result({ dozen: names, n: names.map(() => 1) })).map(({ color }) => color);
    assert.equal(new Set(colors).size, 12, colors.join());
  }
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
