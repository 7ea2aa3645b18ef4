import assert from 'node:assert/strict';
import { test } from 'node:test';
import { around, facetsOf, piles, reach } from '../src/charts/facet.js';
import { toPlane } from '../src/charts/series.js';
import { ChartError } from '../src/charts/spec.js';
import { result } from './result.js';

test('a picture for each value, NULL last, and as many as one can compare', () => {
  const rows = result({ f: ['z10', null, 'z9', 'z10'], n: [1, 2, 3, 4] });
  const facets = facetsOf(rows, { facet: 'f' });
  assert.deepEqual([facets?.names, [...(facets?.of ?? [])], facets?.left], [['z9', 'z10', 'NULL'], [1, 2, 0, 1], 0]);
  assert.equal(facetsOf(rows, {}), null);
  const many = facetsOf(result({ f: Array.from({ length: 30 }, (_, at) => at), n: Array.from({ length: 30 }, () => 1) }), { facet: 'f' });
  assert.deepEqual([many?.names.length, many?.left, many?.of[29]], [24, 6, -1]);
  assert.throws(() => facetsOf(rows, { facet: 'g' }), (error) => error instanceof ChartError && error.message.includes('"g"'));
});

test('what parts the pictures is not drawn in them', () => {
  const plane = toPlane('bar', result({ x: ['a', 'b'], f: [1, 2], n: [3, 4] }), { facet: 'f' });
  assert.deepEqual(plane.names, ['n']);
});

test('pictures have the same categories, and a series its place in all', () => {
  const rows = result({ x: ['a', 'b', 'b', 'c'], s: ['p', 'p', 'q', 'q'], f: ['one', 'one', 'two', 'two'], n: [1, 2, 3, 4] });
  const plane = toPlane('bar', rows, { x: 'x', y: 'n', color: 's', facet: 'f' });
  assert.deepEqual([plane.categories, plane.names], [['a', 'b', 'c'], ['p', 'q']]);
  assert.deepEqual(plane.series.map(({ name, place, facet, y }) => [name, place, facet, ...y]), [['p', 0, 0, 1, 2, NaN], ['q', 1, 1, NaN, 3, 4]]);
  const alone = toPlane('line', rows, { x: 'x', y: 'n', facet: 'f' });
  assert.deepEqual(alone.series.map(({ name, facet, y }) => [name, facet, ...y]), [['n', 0, 1, 2, NaN], ['n', 1, NaN, 3, 4]]);
});

test('axes are around all values', () => {
  assert.deepEqual(around([3, 97, NaN], true), { min: 0, max: 100, interval: 50 });
  assert.deepEqual(around([-3, 12], false), { min: -5, max: 15, interval: 5 });
  for (const values of [[], [0], [5], [-5], [1e-9, 2e-9], [NaN]]) {
    for (const zero of [true, false]) {
      const { min, max, interval = 0 } = around(values, zero);
      assert.ok(min < max && interval > 0 && values.every((value) => Number.isNaN(value) || (min <= value && value <= max)), `${values}: ${min} to ${max}`);
    }
  }
  assert.deepEqual(piles([Float64Array.of(1, -2), Float64Array.of(3, -4), Float64Array.of(NaN, 5)]), [4, 5, -0, -6]);
  assert.deepEqual(reach([Float64Array.of(10, 20), Float64Array.of(40)], true), { min: 5, max: 45 });
  assert.deepEqual(reach([Float64Array.of(7)], false), { min: 7, max: 7 });
});
