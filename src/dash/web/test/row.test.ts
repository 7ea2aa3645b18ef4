import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsOf, withRow } from '../src/row.js';
import { result } from './result.js';

test('a loop has the different values of its first column, and a section its own', () => {
  const [column] = result({ z: ['b', 'a', null, 'b', ''] }).columns;
  assert.deepEqual(column && rowsOf(column), { values: ['b', 'a', null, ''], more: 0 });
  assert.deepEqual(column && rowsOf(column, 2), { values: ['b', 'a'], more: 2 });
  const inputs = { params: () => new URLSearchParams('day=1'), value: () => [], toggle: () => undefined, isSet: () => false };
  const params = (value: string | null, ...names: string[]) => withRow(inputs, 'z', value).params(names).toString();
  assert.deepEqual([params('a&b', 'z'), params(null, 'z'), params('', 'z'), params('a', 'day')], ['day=1&z=a%26b', 'day=1', 'day=1&z=', 'day=1']);
});
