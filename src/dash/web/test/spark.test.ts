import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf } from '../src/spark.js';
import { result } from './result.js';

test('a list is a line with gaps, and a value that stands alone a dot', () => {
  const dot = 'm-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0';
  const path = (...values: number[]) => pathOf(Float64Array.from(values), 0, 10);
  assert.equal(path(0, 10), 'M2 22L118 2');
  assert.equal(path(0, NaN, 10), `M2 22${dot}M118 2${dot}`);
  assert.equal(pathOf(Float64Array.of(4), 4, 4), `M2 12${dot}`);
  assert.equal(pathOf(Float64Array.of(4, 4), 4, 4), 'M2 12L118 12');
  assert.equal(path(Infinity, NaN), '');
  assert.equal(pathOf(Float64Array.of(-1.7e308, 1.7e308), -1.7e308, 1.7e308), 'M2 22L118 2');
  const long = path(...Array.from({ length: 100_000 }, (_, at) => (at === 50_000 ? 10 : 5)));
  assert.ok(long.length < 5000 && / 2(L|$)/.test(long), `${long.length}: the one that is greatest is there`);
});

test('lists of numbers are read with their gaps', () => {
  const [lists, texts] = result({ l: [[1, null, 2.5], null, []], t: [['a'], ['b'], ['c']] }).columns;
  assert.deepEqual([lists?.isList, texts?.isList], [true, false]);
  assert.deepEqual([0, 1, 2].map((row) => lists?.items(row) && [...lists.items(row) as Float64Array]), [[1, NaN, 2.5], null, []]);
  assert.equal(texts?.items(0), null);
});
