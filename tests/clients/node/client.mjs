// Node's `pg`, with its cursors, streams and pool, asks a served engine; every answer is held against what it has to be.
//
// usage: client.mjs FOLDER PORT, where FOLDER has the packages

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [, , folder, port] = process.argv;
const require = createRequire(`${folder}/`);
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

const where = { host: '127.0.0.1', port: Number(port), user: 'ann', database: 'lake' };
let checked = 0;

function same(found, wanted, what) {
  assert.deepEqual(found, wanted, what);
  checked += 1;
}

async function refused(run, code, what) {
  const error = await run().then(() => assert.fail(`${what} was not refused`), (error) => error);
  same(error.code, code, `${what}: ${error.message}`);
  return error;
}

const client = new Client(where);
await client.connect();
const rows = async (text, values) => (await client.query(text, values)).rows;
const firsts = async (text, values) => (await client.query({ text, values, rowMode: 'array' })).rows.map((row) => row[0]);
const first = async (text, values) => (await firsts(text, values))[0];

async function values() {
  const text = `SELECT true AS a, 7::TINYINT AS b, -7::INTEGER AS c, 5000000000 AS d, 1.5::FLOAT AS e, 12.50::DECIMAL(9,2) AS f,
    'it''s' AS g, '\\x00\\xFF'::BLOB AS h, TIMESTAMPTZ '2019-04-01 10:11:12+00' AS i, [1, NULL, 3] AS j, ['a', 'b "c"'] AS k,
    NULL AS l, {'x': 1} AS m, '{"a":1}'::JSON AS n, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID AS o FROM trips LIMIT 1`;
  const wanted = {
    a: true, b: 7, c: -7, d: '5000000000', e: 1.5, f: '12.50', g: "it's", h: Buffer.from([0, 255]),
    i: new Date(Date.UTC(2019, 3, 1, 10, 11, 12)), j: [1, null, 3], k: ['a', 'b "c"'], l: null, m: { x: 1 }, n: { a: 1 },
    o: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  };
  for (const way of [{ text }, { text, values: [] }, { text, name: 'values' }, { text, name: 'values' }]) {
    const [row] = (await client.query(way)).rows;
    for (const name of Object.keys(wanted)) same(row[name], wanted[name], `${name} of ${Object.keys(way)}`);
  }
}

async function parameters() {
  // It says of none of them what type it is.
  same(await firsts('SELECT id FROM trips WHERE day = $1 AND fare >= $2 AND id = ANY($3) ORDER BY id', ['2019-04-01', 9.75, [1, 2, 9]]), ['2'], 'ANY');
  same(await firsts('SELECT id FROM trips WHERE day = $1 AND id <> ALL ($2)', [new Date(Date.UTC(2019, 3, 2)), [5]]), ['6'], 'ALL, and a Date');
  same(await firsts('SELECT id FROM trips WHERE id IN ($1, $2) ORDER BY id LIMIT $3 OFFSET $4', ['1', 2, 1, 1]), ['2'], 'IN, LIMIT');
  const hostile = "'; DROP TABLE trips; --";
  same(await first('SELECT $1', [hostile]), hostile, 'a hostile parameter');
  same(await first("SELECT $1 || 'x' FROM trips LIMIT 1", ['a']), 'ax', 'a text beside a text');
  same(await first('SELECT fare * $1 FROM trips WHERE id = 1', [1.5]), 14.25, 'a number beside a number');
  same(await first('SELECT $1 + 1', ['41']), 42, 'a number alone');
  same(await first('SELECT count(*) FROM trips WHERE fare * $1 > $2', ['2', 21]), '3', 'two numbers');
  same(await first("SELECT date_trunc('month', $1)", ['2019-04-05']), new Date(Date.UTC(2019, 3, 1)), 'a time');
  same(await first('SELECT max(day + $1) FROM trips', [1]), new Date(Date.UTC(2019, 3, 3)), 'days');
  same(await first('SELECT coalesce($1, $2)', [null, 'x']), 'x', 'NULL');
  same(await first('SELECT sum(i) FROM range($1) r(i)', [10]), '45', 'a parameter of a function in FROM');
  same(await firsts('SELECT * FROM unnest($1::text[]) AS t(x)', [['a', 'b"c']]), ['a', 'b"c'], 'unnest');
  const many = 'SELECT $1::timestamptz AS a, $2::json AS b, $3::bytea AS c, $4::int[] AS d';
  const [row] = await rows(many, [new Date(0), { a: 1 }, Buffer.from([0, 255]), [1, null]]);
  same(row, { a: new Date(0), b: { a: 1 }, c: Buffer.from([0, 255]), d: [1, null] }, 'a Date, an object, bytes, an array');
}

async function changes() {
  await client.query('CREATE TABLE noted (a INTEGER, b VARCHAR, n DECIMAL(9,2))');
  const run = async (text, values) => { const { command, rowCount } = await client.query(text, values); return `${command} ${rowCount}`; };
  same(await run('INSERT INTO noted VALUES ($1, $2, $3), ($4, $5, $6)', [1, 'x', 1.5, 2, "it's", '2.25']), 'INSERT 2', 'INSERT');
  same(await run('UPDATE noted SET b = $1 WHERE a < $2', ['z', 2]), 'UPDATE 1', 'UPDATE, of which a part has $2 alone');
  same(await rows('UPDATE noted SET n = n * $2 WHERE a = $1 RETURNING b, n', [2, 2]), [{ b: "it's", n: '4.50' }], 'RETURNING');
  same(await run('INSERT INTO noted SELECT a + $1, $2, n FROM noted WHERE b = $3', [10, 'more', 'z']), 'INSERT 1', 'INSERT of a query');
  same(await rows('SELECT * FROM noted ORDER BY a'), [{ a: 1, b: 'z', n: '1.50' }, { a: 2, b: "it's", n: '4.50' }, { a: 11, b: 'more', n: '1.50' }], 'what is there');
  await client.query('BEGIN');
  same(await run('DELETE FROM noted WHERE a > $1 AND b <> $2', [0, 'more']), 'DELETE 2', 'DELETE');
  await client.query('ROLLBACK');
  same(await first('SELECT count(*) FROM noted'), '3', 'what was rolled back');
  await client.query('DROP TABLE noted');
}

async function cursors() {
  const cursor = client.query(new Cursor('SELECT i FROM range($1) r(i)', [30]));
  const read = [await cursor.read(7), await cursor.read(100), await cursor.read(5)].map((rows) => rows.length);
  await cursor.close();
  same(read, [7, 23, 0], 'a cursor');
  const left = client.query(new Cursor('SELECT i FROM range(3000) r(i)'));
  same((await left.read(7)).length, 7, 'some rows of a cursor');
  await left.close();
  // Errors come when it asks with Flush, and not only with Sync.
  await refused(async () => client.query(new Cursor('SELECT fair FROM trips')).read(7), '42703', 'an error of a cursor');
  let sum = 0;
  for await (const row of client.query(new QueryStream('SELECT i FROM range(1000) r(i)', [], { batchSize: 64 }))) sum += Number(row.i);
  same(sum, 499500, 'a stream');
  let some = 0;
  for await (const _ of client.query(new QueryStream('SELECT i FROM range(1000) r(i)'))) if (++some === 5) break;
  same([some, await first('SELECT 1')], [5, 1], 'a stream that nobody reads on');
}

async function theRest() {
  for (const [text, count] of [['DESCRIBE trips', 3], ['SHOW TABLES', 1], ['SUMMARIZE trips', 3], ['FROM trips', 6], ['VALUES (1), (2)', 2],
    ['PIVOT trips ON day USING sum(fare);', 6]]) {
    same((await client.query({ text, name: text })).rowCount, count, `${text}, prepared`);
  }
  same((await rows('EXPLAIN SELECT id FROM trips WHERE id = $1', [1])).length, 1, 'EXPLAIN');
  for (const values of [undefined, [1]]) {
    const error = await refused(() => client.query(`SELECT fair FROM trips${values ? ' WHERE id = $1' : ''}`, values), '42703', 'an unknown column');
    same(error.position, '8', 'its place');
  }
  same((await client.query('SELECT 1 AS a; SELECT 2 AS b')).map((result) => result.rows), [[{ a: 1 }], [{ b: 2 }]], 'several statements');
  const pool = new Pool({ ...where, max: 3, application_name: 'a pool', statement_timeout: 20000 });
  const counted = await Promise.all([...Array(8).keys()].map((i) => pool.query('SELECT $1::int + count(*) AS n FROM trips', [i])));
  same(counted.map((result) => Number(result.rows[0].n)), [6, 7, 8, 9, 10, 11, 12, 13], 'a pool');
  same((await pool.query('SHOW application_name')).rows, [{ application_name: 'a pool' }], 'its name');
  const slow = new Client({ ...where, statement_timeout: 300 });
  await slow.connect();
  await refused(() => slow.query('SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 3'), '57014', 'a query that takes too long');
  await slow.end();
  await pool.end();
}

await values();
await parameters();
await changes();
await cursors();
await theRest();
await client.end();
console.log(`${checked} answers of Node`);
