import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binned } from '../src/charts/histogram.js';
import { shade } from '../src/charts/heatmap.js';
import { toPlane } from '../src/charts/series.js';
import { ChartError } from '../src/charts/spec.js';
import { place } from '../src/error.js';
import { result } from './result.js';

test('absent x and y are the first column and the numeric ones', () => {
  const plane = toPlane('bar', result({ zone: ['a', 'b'], n: [1, 2], note: ['x', 'y'], m: [3, null] }), {});
  assert.equal(plane.axis, 'category');
  assert.deepEqual(plane.series.map((series) => [series.name, ...series.y]), [['n', 1, 2], ['m', 3, NaN]]);
});

test('a column of names makes series, with gaps where there is no row', () => {
  const plane = toPlane('bar', result({ x: ['a', 'a', 'b'], s: ['p', 'q', 'q'], n: [1, 2, 3] }), { color: 's' });
  assert.deepEqual(plane.categories, ['a', 'b']);
  assert.deepEqual(plane.series.map((series) => [series.name, ...series.y]), [['p', 1, NaN], ['q', 2, 3]]);
});

test('rows of the same name stand beside one another, none hides another', () => {
  assert.deepEqual(toPlane('bar', result({ x: ['a', 'a'], n: [1, 2] }), {}).categories, ['a', 'a']);
});

test('two bars at one moment stand beside one another too', () => {
  const [day, next] = [new Date('2019-04-01'), new Date('2019-04-02')];
  assert.equal(toPlane('bar', result({ x: [day, next], n: [1, 2] }), {}).axis, 'time');
  assert.deepEqual(toPlane('bar', result({ x: [day, day, next], n: [1, 2, 3] }), {}).series.map((series) => [...series.y]), [[1, 2, 3]]);
});

test('sort', () => {
  const rows = result({ x: ['b10', 'b9', 'a'], n: [2, 9, 5] });
  assert.deepEqual(toPlane('bar', rows, { sort: '-y' }).categories, ['b9', 'a', 'b10']);
  assert.deepEqual(toPlane('bar', rows, { sort: 'x' }).categories, ['a', 'b9', 'b10']);
});

test('a line goes from left to right; what has no place is left out', () => {
  const [series] = toPlane('line', result({ x: [3.5, null, 1.5], n: [30, 20, 10] }), {}).series;
  assert.deepEqual([[...(series?.x ?? [])], [...(series?.y ?? [])], [...(series?.rows ?? [])]], [[1.5, 3.5], [10, 30], [2, 0]]);
});

test('stacked series have the same places', () => {
  const plane = toPlane('area', result({ x: [1.5, 2.5, 2.5], s: ['p', 'q', 'p'], n: [1, 2, 3] }), { color: 's', stack: 'true' });
  assert.deepEqual(plane.series.map((series) => [...series.x]), [[1.5, 2.5], [1.5, 2.5]]);
  assert.deepEqual(plane.series.map((series) => [...series.y]), [[1, 3], [NaN, 2]]);
});

test('a column that is not there, and one without numbers, are named', () => {
  const rows = result({ zone: ['a'], n: [1] });
  assert.throws(() => toPlane('bar', rows, { y: 'm' }), (error) => error instanceof ChartError && error.message.includes('"m"') && error.message.includes('"zone", "n"'));
  assert.throws(() => toPlane('bar', rows, { y: 'zone' }), /"zone" has no numbers/);
});

test('every number is in one bin', () => {
  const values = Float64Array.from({ length: 1000 }, (_, index) => Math.sin(index) * 100);
  for (const bins of [null, 1, 7, 500]) {
    const { from, width, counts } = binned(values, bins, false);
    assert.equal(counts.reduce((sum, count) => sum + count, 0), 1000);
    assert.ok(from <= Math.min(...values) && from + width * counts.length >= Math.max(...values) - 1e-9);
  }
  assert.deepEqual(binned(Float64Array.of(5, 5), null, true), { from: 5, width: 1, counts: [2] });
  assert.deepEqual(binned(Float64Array.of(0, 5e-324), null, false), { from: -0.5, width: 1, counts: [2] });
  assert.throws(() => binned(Float64Array.of(1.7e308, -1.7e308), null, false), (error) => error instanceof ChartError && error.message.includes('too far apart'));
});

test('shades', () => {
  const scale = ['#000000', '#808080', '#ffffff'];
  assert.deepEqual([0, 5, 10].map((value) => shade(scale, value, 0, 10)), ['rgb(0,0,0)', 'rgb(128,128,128)', 'rgb(255,255,255)']);
  assert.equal(shade(scale, 3, 3, 3), 'rgb(128,128,128)');
});

test('the caret stands under the character', () => {
  const sql = "SELECT '🦆', nope\n\tFROM trips";
  assert.deepEqual(place(sql, 13), ["LINE 1: SELECT '🦆', nope", `${' '.repeat(8 + 12)}^`]);
  assert.deepEqual(place(sql, 1), ["LINE 1: SELECT '🦆', nope", '        ^']);
  assert.deepEqual(place(sql, 24), ['LINE 2:  FROM trips', `${' '.repeat(8 + 6)}^`]);
  const [line = '', caret = ''] = place(`SELECT ${'x, '.repeat(200)}y`, 300);
  assert.ok(line.length < 140 && line[caret.indexOf('^')] === (`SELECT ${'x, '.repeat(200)}y`)[299]);
  assert.deepEqual(place('a', 99), ['LINE 1: a', '         ^']);
});
