import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bool, columnFromArray, dateDay, decimal128, int64, tableFromColumns, tableFromIPC, tableToIPC, timestamp, TimeUnit, utf8, type DataType } from '@uwdata/flechette';
import { toColumn } from '../src/columns.js';
import { formatCell, formatNumber, formatTick, usd } from '../src/format.js';

const READ = { useBigInt: true, useDecimalInt: true, useBigIntTimestamp: true };

/** As the page gets it: written to a stream and read again. */
function column(values: unknown[], type: DataType, name = 'c') {
  const bytes = tableToIPC(tableFromColumns({ [name]: columnFromArray(values, type, READ) }), { format: 'stream' });
  const table = tableFromIPC(bytes as Uint8Array, READ);
  return toColumn(table.schema.fields[0]?.name ?? '', table.getChildAt(0));
}

test('whole numbers beyond 2^53 keep their digits', () => {
  const one = column([9007199254740993n, null, -5n], int64());
  assert.deepEqual([one.text(0), one.text(1), one.text(2)], ['9007199254740993', null, '-5']);
  assert.equal(formatCell(one, 0), '9,007,199,254,740,993');
  assert.ok(Number.isNaN(one.number(1)));
});

test('decimals keep their digits and their scale', () => {
  const one = column([-1234567890123456789012345n, 10n, -5n], decimal128(38, 3));
  assert.deepEqual([0, 1, 2].map((row) => one.text(row)), ['-1234567890123456789012.345', '0.010', '-0.005']);
  assert.equal(formatCell(one, 0), '-1,234,567,890,123,456,789,012.345');
  assert.equal(formatCell(one, 0, '0.00'), '-1,234,567,890,123,456,789,012.35');
  assert.equal(one.number(1), 0.01);
});

test('times are UTC and keep what is smaller than a millisecond', () => {
  const one = column([1554076800000.001, -0.001, null], timestamp(TimeUnit.MICROSECOND, null));
  assert.deepEqual([0, 1, 2].map((row) => one.text(row)), ['2019-04-01 00:00:00.000001', '1969-12-31 23:59:59.999999', null]);
  assert.equal(one.number(0), 1554076800000.001);
  const days = column([new Date('2019-04-01'), new Date(Date.UTC(-43, 2, 15))], dateDay());
  assert.deepEqual([days.text(0), days.text(1)], ['2019-04-01', '0044-03-15 (BC)']);
  const endless = column([9e15, -9e15, 0], timestamp(TimeUnit.MICROSECOND, null));
  assert.deepEqual([0, 1, 2].map((row) => endless.text(row)), ['infinity', '-infinity', '1970-01-01 00:00:00']);
  assert.deepEqual([...endless.numbers()], [NaN, NaN, 0]);
});

test('names are names, whatever they are called', () => {
  const one = column(['__proto__', '<b>', null], utf8(), '__proto__x');
  assert.equal(one.name, '__proto__x');
  assert.deepEqual([one.kind, one.text(0), one.text(2)], ['text', '__proto__', null]);
  assert.equal(column([true, null], bool()).text(0), 'true');
});

test('an id and a year are not grouped', () => {
  assert.equal(formatCell(column([2019n], int64(), 'year'), 0), '2019');
  assert.equal(formatCell(column([12345n], int64(), 'zone_id'), 0), '12345');
  assert.equal(formatCell(column([12345n], int64(), 'paid'), 0), '12,345');
});

test('formats', () => {
  assert.equal(formatNumber('0.1234', 'percent'), '12.3%');
  assert.equal(formatNumber('1234.5', 'usd'), '$1,234.50');
  assert.equal(usd('0.0000012'), '$0.0000012');
  assert.equal(formatNumber('1234567', 'compact'), '1.23M');
  assert.equal(formatNumber('1234.567', '0.00'), '1,234.57');
  assert.equal(formatNumber('0.30000000000000004'), '0.3');
  assert.equal(formatNumber('NaN'), 'NaN');
  assert.deepEqual([0, 2000, 20_000, 2e18].map((value) => formatTick(value)), ['0', '2,000', '20K', '2E18']);
  assert.deepEqual([20, 20_000].map((value) => formatTick(value, 'usd')), ['$20', '$20K']);
});
