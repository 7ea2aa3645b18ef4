// What readers of a deployed page see while a query runs that one of them asked for.
//
// usage: CHROMIUM=PROGRAM turns.mjs MODULES PORT, where the page `slow` has a query that takes a second or more, and its page `fails` one
// that then fails
import assert from 'node:assert/strict';
import { base, browser, choose, idle, scene as at, tile, usable } from './browser.mjs';

const RUNS = 'Loading… The query runs already.';
const scene = (name, path, run) =>
  at(name, path, (page) => { page.setDefaultTimeout(30_000); return run(page); }, { until: (page) => page.waitForLoadState('load') });

/** A page of another browser: one browser asks for the same at once only once. */
async function elsewhere(run) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await run(page);
  } finally {
    await context.close();
  }
}

/** What a page asks for from now on: path, what is behind `?`, and the status of the answer, once there is one. */
function watched(page) {
  const all = [];
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url());
    if (!pathname.startsWith('/api/')) return;
    const one = { url: pathname.split('/').pop() + search, waited: request.headers()['quack-waited'] };
    all.push(one);
    request.response().then((response) => { one.status = response?.status(); }, () => {});
  });
  return all;
}

/** A second reader of the page's address, and which of the two waits for the other's run. */
async function second(page, other, name) {
  const asked = watched(other);
  await other.goto(page.url());
  const status = (one) => tile(one, name).locator('.status');
  const waits = (one) => status(one).getByText(RUNS, { exact: true }).waitFor().then(() => one);
  const waiter = await Promise.any([waits(page), waits(other)]);
  return { waiter, asked };
}

scene('a tile that waits for what another runs says so, and has its rows then', '/slow?n=1', (page) => elsewhere(async (other) => {
  const { waiter, asked } = await second(page, other, 'slow');
  const slow = tile(waiter, 'slow');
  assert.equal(await slow.getAttribute('aria-busy'), 'true');
  assert.equal(await slow.locator('.status').getAttribute('aria-live'), 'polite');
  assert.equal(await slow.locator('.error').count(), 0);
  await usable(waiter, 'a tile that waits');
  for (const one of [page, other]) {
    await idle(one);
    assert.equal(await tile(one, 'slow').locator('.big').textContent(), '1');
  }
  assert.match(await slow.locator('.status').textContent(), /cached/);
  if (waiter === other) {
    const statuses = asked.filter(({ url }) => url === 'slow?n=1').map(({ status }) => status);
    assert.ok(statuses.length > 1 && statuses.slice(0, -1).every((status) => status === 202), `${statuses}`);
    assert.equal(statuses.at(-1), 200);
  }
}));

scene('who chooses another value while a run is waited for waits for it no more', '/slow?n=2', (page) => elsewhere(async (other) => {
  const { waiter } = await second(page, other, 'slow');
  const asked = watched(waiter);
  await waiter.fill('[name=n]', '1');
  await waiter.locator('[name=n]').press('Tab');
  await waiter.waitForFunction(() => document.querySelector('#tile-slow .big')?.textContent === '1');
  const runner = waiter === page ? other : page;
  await idle(runner);
  assert.equal(await tile(runner, 'slow').locator('.big').textContent(), '2');
  // Longer than the next pause would have been.
  await waiter.waitForTimeout(1500);
  const [first] = asked;
  assert.ok(first?.url.endsWith('?n=1'), JSON.stringify(asked));
  assert.deepEqual(asked.filter(({ url }) => url === 'slow?n=2'), []);
  assert.equal(await tile(waiter, 'slow').locator('.big').textContent(), '1');
}));

scene('a file that another has made is saved when it is there', '/slow?n=1', (page) => elsewhere(async (other) => {
  await idle(page);
  await other.goto(page.url());
  await idle(other);
  const asked = [page, other].map(watched);
  const saved = async (one) => {
    const [download] = await Promise.all([one.waitForEvent('download', { timeout: 30_000 }), choose(one, 'slow', 'Download CSV')]);
    const pieces = [];
    for await (const piece of await download.createReadStream()) pieces.push(piece);
    return [download.suggestedFilename(), Buffer.concat(pieces).toString()];
  };
  for (const file of await Promise.all([saved(page), saved(other)])) assert.deepEqual(file, ['slow-slow.csv', 'n\n1\n']);
  const statuses = asked.map((all) => all.map(({ status }) => status)).sort((a, b) => a.length - b.length);
  assert.deepEqual(statuses[0], [200]);
  assert.ok(statuses[1].length > 1 && statuses[1][0] === 202 && statuses[1].at(-1) === 200, `${statuses}`);
  for (const one of [page, other]) assert.doesNotMatch(await tile(one, 'slow').locator('.status').textContent(), /Not saved|Saving/);
}));

scene('what another has run and failed is told', '/fails', (page) => elsewhere(async (other) => {
  await second(page, other, 'fails');
  for (const one of [page, other]) {
    await idle(one);
    assert.match(await tile(one, 'fails').locator('.error').textContent(), /no such luck/);
  }
}));

scene('a page that is left while it waits asks no more', '/slow?n=3', (page) => elsewhere(async (other) => {
  const { waiter } = await second(page, other, 'slow');
  const left = watched(waiter);
  await waiter.goto(`${base}/slow?n=1`);
  await idle(waiter);
  await idle(waiter === page ? other : page);
  await waiter.waitForTimeout(1500);
  const at = left.findIndex(({ url }) => url === 'slow?n=1');
  assert.ok(at >= 0);
  assert.deepEqual(left.slice(at).map(({ url }) => url).filter((url) => url === 'slow?n=3'), []);
}));
