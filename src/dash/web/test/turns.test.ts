import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fetchWhole } from '../src/answer.js';

interface Asked {
  at: number;
  headers: IncomingHttpHeaders;
}

/** A server that answers one request after the other as it is told, the last way for ever; `run` is over before it ends. */
async function served(ways: ((response: ServerResponse) => void)[], run: (url: string, asked: Asked[]) => Promise<void>): Promise<void> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    asked.push({ at: performance.now(), headers: request.headers });
    ways[Math.min(asked.length, ways.length) - 1]?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/trips/by_zone`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const json = (status: number, body: unknown, headers = {}) => (response: ServerResponse) =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const runs = (forMs: number, mostMs = 60_000) => json(202, { running: true, for_ms: forMs, most_ms: mostMs }, { 'retry-after': '1' });
const rows = (response: ServerResponse) => void response.writeHead(200, { 'content-type': 'text/csv' }).end('a\n1\n');
const signal = () => new AbortController().signal;

test('what runs already is asked for again, after ever longer pauses, until it is there', async () => {
  await served([runs(400), runs(800), runs(1600), rows], async (url, asked) => {
    let told = 0;
    const { bytes, type } = await fetchWhole(url, signal(), () => { told += 1; });
    assert.deepEqual([new TextDecoder().decode(bytes), type, told, asked.length], ['a\n1\n', 'text/csv', 1, 4]);
    assert.ok(asked.every(({ headers }) => headers['prefer'] === 'respond-async'));
    assert.equal(asked[0]?.headers['quack-waited'], undefined);
    const pauses = asked.slice(1).map(({ at }, before) => at - (asked[before]?.at ?? 0));
    for (const [at, least] of [[0, 187], [1, 300], [2, 600]] as const) assert.ok((pauses[at] ?? 0) >= least - 5, `${pauses}`);
    assert.ok(Number(asked[3]?.headers['quack-waited']) >= 1000, `${asked[3]?.headers['quack-waited']}`);
  });
});

test('what never comes is told, and so is what another run failed with', async () => {
  await served([runs(400, 50)], async (url, asked) => {
    await assert.rejects(fetchWhole(url, signal()), { message: /still runs, for somebody else, after/, hint: 'Try again in a moment.' });
    assert.equal(asked.length, 2);
  });
  await served([runs(400), json(422, { error: { message: 'Binder Error', hint: null } })], async (url) => {
    await assert.rejects(fetchWhole(url, signal()), { message: 'Binder Error' });
  });
});

test('a function that has no instance free is asked again, and one that has a limit is not', async () => {
  const throttled = json(429, { Message: 'Rate Exceeded.' });
  await served([throttled, throttled, rows], async (url, asked) => {
    assert.equal((await fetchWhole(url, signal())).type, 'text/csv');
    assert.equal(asked.length, 3);
  });
  const limited = json(429, { error: { message: 'more than 3 requests in a minute: wait 37 seconds' } }, { 'retry-after': '37' });
  await served([limited, rows], async (url, asked) => {
    await assert.rejects(fetchWhole(url, signal()), { message: 'more than 3 requests in a minute: wait 37 seconds' });
    assert.equal(asked.length, 1);
  });
});

test('who asks no more is not waited for', async () => {
  await served([runs(60_000)], async (url, asked) => {
    const control = new AbortController();
    const answer = fetchWhole(url, control.signal, () => setTimeout(() => control.abort(), 20));
    const began = performance.now();
    await assert.rejects(answer, { name: 'AbortError' });
    assert.ok(performance.now() - began < 2000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(asked.length, 1);
  });
});

test('those that wait keep no others from asking', async () => {
  await served([...Array.from({ length: 6 }, () => runs(4000)), rows], async (url) => {
    const control = new AbortController();
    let waiting = 0;
    await new Promise<void>((resolve) => {
      for (let at = 0; at < 6; at += 1) fetchWhole(url, control.signal, () => { if ((waiting += 1) === 6) resolve(); }).catch(() => {});
    });
    assert.equal((await fetchWhole(url, signal())).type, 'text/csv');
    control.abort();
  });
});
