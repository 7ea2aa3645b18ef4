import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool } from '../src/pool.js';

test('no more than the limit run at once, in order, and all run', async () => {
  const pool = new Pool(2);
  const { signal } = new AbortController();
  let running = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    [1, 2, 3, 4, 5].map((name) =>
      pool.run(signal, async () => {
        order.push(name);
        most = Math.max(most, (running += 1));
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
      }),
    ),
  );
  assert.deepEqual([most, order], [2, [1, 2, 3, 4, 5]]);
});

test('one that was aborted while it waited does not start, one that fails gives its place back', async () => {
  const pool = new Pool(1);
  const control = new AbortController();
  const { signal } = new AbortController();
  let started = false;
  const first = pool.run(signal, () => new Promise((_, reject) => setTimeout(() => reject(new Error('no')), 5)));
  const second = pool.run(control.signal, async () => { started = true; });
  const third = pool.run(signal, async () => 'third');
  control.abort();
  await assert.rejects(first, /no/);
  await assert.rejects(second, { name: 'AbortError' });
  assert.equal(await third, 'third');
  assert.equal(started, false);
});
