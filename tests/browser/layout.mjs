// Tabs, and sections from a loop over rows.
import assert from 'node:assert/strict';
import { base, idle, scene, tile } from './browser.mjs';

const names = (asked) => [...new Set(asked.splice(0).map((url) => url.split('?')[0]))].sort();
const tab = (page, name) => page.getByRole('tab', { name });
const search = (page) => new URL(page.url()).search;

scene('a tab is asked for when it is opened first, and stands in the address', '/layout', async (page, asked) => {
  assert.deepEqual(names(asked), ['all', 'first']);
  assert.equal(await page.getByRole('tabpanel').count(), 2, 'one panel of each group');
  assert.equal(await tab(page, 'By zone').getAttribute('aria-selected'), 'true');
  await tab(page, 'By day & "more"').click();
  await idle(page);
  assert.equal(search(page), '?tab=by-day-more');
  assert.deepEqual(names(asked), ['second', 'third']);
  assert.ok(await tile(page, 'second').locator('canvas').isVisible());
  assert.ok((await tile(page, 'second').locator('canvas').boundingBox()).width > 300, 'it is drawn as wide as it is shown');
  assert.ok(!(await tile(page, 'first').isVisible()));

  // The other group has its own, and nothing is asked again.
  await tab(page, 'Two').click();
  await idle(page);
  assert.equal(search(page), '?tab=by-day-more&tab=two');
  await tab(page, 'By zone').click();
  assert.equal(search(page), '?tab=two');
  assert.deepEqual(names(asked), ['fourth']);
  await page.goBack();
  assert.equal(await tab(page, 'By day & "more"').getAttribute('aria-selected'), 'true');
  assert.deepEqual(names(asked), []);

  // What a tab that is put away follows is asked when it is shown again.
  await tab(page, 'By zone').click();
  await page.fill('[name=least]', '7');
  await page.waitForURL(/least=7/);
  await idle(page);
  assert.deepEqual(names(asked), []);
  await tab(page, 'By day & "more"').click();
  await idle(page);
  assert.deepEqual(names(asked), ['second']);
  await page.reload();
  await idle(page);
  assert.match(search(page), /tab=two&tab=by-day-more|tab=by-day-more&tab=two/);
  assert.ok(await tile(page, 'second').isVisible() && (await page.getByText('Text of two.').isVisible()));
});

scene('the arrows go through tabs, and Tab goes on', '/layout', async (page) => {
  await tab(page, 'By zone').focus();
  const focus = () => page.evaluate(() => document.activeElement.textContent);
  for (const [key, name] of [['ArrowRight', 'By day & "more"'], ['End', 'Zones, one by one'], ['ArrowRight', 'By zone'], ['ArrowLeft', 'Zones, one by one'], ['Home', 'By zone']]) {
    await page.keyboard.press(key);
    assert.equal(await focus(), name);
    assert.equal(await tab(page, name).getAttribute('aria-selected'), 'true');
  }
  await idle(page);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), null, 'one stop of all tabs');
});

scene('paper has all tabs, with their titles', '/layout', async (page) => {
  await page.emulateMedia({ media: 'print' });
  await idle(page);
  for (const text of ['By zone', 'By day & "more"', 'Zones, one by one', 'Text of one.', 'Text of two.']) {
    assert.ok(await page.locator('.tab').getByText(text, { exact: true }).first().isVisible(), text);
  }
  assert.equal(await page.locator('.tablist:visible').count(), 0);
  for (const name of ['first', 'second', 'paid-1', 'paid-5']) assert.ok((await tile(page, name).locator('canvas').boundingBox()).width > 300, name);
  await page.emulateMedia({ media: 'screen' });
  await tile(page, 'second').waitFor({ state: 'hidden' });
  assert.ok(await tile(page, 'first').isVisible());
  const bytes = await page.pdf({ format: 'A4' });
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-');
});

scene('paper says of what was never opened that it is not loaded', '/layout', async (page) => {
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  await page.route('**/api/layout/second*', async (route) => { await held; await route.continue(); });
  await page.emulateMedia({ media: 'print' });
  const said = (name) => tile(page, name).locator('.status').evaluate((status) => getComputedStyle(status, '::after').content);
  assert.equal(await said('second'), '"Not loaded: print again once it is"');
  assert.equal(await said('first'), 'none');
  answer();
  await idle(page);
  assert.equal(await said('second'), 'none');
});

scene('a loop has a section for each row, with its value bound', '/layout?tab=zones-one-by-one', async (page, asked) => {
  const sections = page.locator('.sections > section');
  const titles = () => sections.locator('h3').allTextContents();
  assert.deepEqual(await titles(), ['Chelsea', 'Harlem', 'JFK Airport', 'Midtown', 'SoHo'].map((zone) => `Trips of ${zone}, more than 0`));
  assert.equal(asked.filter((url) => url.startsWith('paid')).length, 5);
  assert.ok(asked.includes('paid?zone=JFK+Airport'), asked.join());
  const numbers = (await sections.locator('.big').allTextContents()).map(Number);
  assert.equal(numbers.reduce((sum, number) => sum + number), 600);
  const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
  assert.deepEqual(ids.filter((id, at) => ids.indexOf(id) !== at), []);
  assert.match(await tile(page, 'paid-3').locator('.canvas').getAttribute('aria-label'), /^How it was paid: JFK Airport: bar chart/);

  // Other rows make other sections; those that stay are not asked again.
  asked.length = 0;
  const least = Math.max(...numbers) - 1;
  await page.fill('[name=least]', String(least));
  await page.waitForURL(/least=/);
  await idle(page);
  assert.equal((await titles()).length, numbers.filter((number) => number > least).length);
  assert.ok((await titles()).every((title) => title.endsWith(`more than ${least}`)));
  assert.deepEqual(names(asked), ['zones']);
  await page.fill('[name=least]', '500');
  await page.waitForURL(/least=500/);
  await page.getByText('No rows, and so no sections').waitFor();
});

scene('a loop makes fifty sections and says how many there would be; NULL and an empty text are values too', '/layout', async (page) => {
  await tab(page, 'Many').click();
  await page.getByText('The first 50 of 60 sections').waitFor();
  await idle(page);
  const sections = page.locator('.sections > section');
  assert.equal(await sections.count(), 50);
  const of = async (what) => (await sections.locator(what).allTextContents()).slice(0, 4);
  assert.deepEqual(await of('output'), ['n0', 'NULL', '–', 'n3']);
  assert.deepEqual(await of('.big'), ['<n0>', 'nothing', '<>', '<n3>']);
});

scene('a value of a loop is bound, whoever gives it', '/layout', async (page) => {
  const rows = async (zone) => (await page.request.get(`${base}/api/layout/number.csv?zone=${encodeURIComponent(zone)}`)).text();
  assert.match(await rows("x' OR true --"), /^trips\n0\n/);
  assert.doesNotMatch(await rows('SoHo'), /^trips\n0\n/);
});
