// What a reader sets: it reaches the queries, stands in the page's address, and only what follows it is asked again.
import assert from 'node:assert/strict';
import { choose, idle, scene, tile } from './browser.mjs';

/** What the queries were given, by parameter. */
async function given(page) {
  const [names, values] = await Promise.all(['th', 'td'].map((cell) => tile(page, 'given').locator(cell).allTextContents()));
  return Object.fromEntries(names.map((name, at) => [name, values[at]]));
}

const search = (page) => decodeURIComponent(new URL(page.url()).search.replaceAll('+', ' '));

/** Does something, which ends in another address, and waits until what it changed is there. */
async function set(page, wanted, run) {
  await run();
  await page.waitForURL((url) => decodeURIComponent(url.search.replaceAll('+', ' ')) === wanted);
  await idle(page);
}

scene('each kind of input, from the field to the query and the address', '/inputs', async (page, asked) => {
  assert.deepEqual(await given(page), {
    day: '2019-04-01', days_from: '2019-04-01', days_to: '2019-04-20', zone: 'all', several: '[SoHo, Harlem]', hand: 'card', name: '', top: '10', long: 'false',
  });
  assert.equal(search(page), '');
  await set(page, '?day=2019-04-05', () => page.fill('[name=day]', '2019-04-05'));
  await set(page, '?day=2019-04-05&days_from=2019-04-03', () => page.fill('[name=days_from]', '2019-04-03'));
  assert.equal(await page.textContent('h1'), 'Trips of – from 2019-04-03');
  assert.deepEqual((await given(page)).days_from, '2019-04-03');
  await set(page, '?day=2019-04-05&days_from=', () => page.fill('[name=days_from]', ''));
  assert.equal(await page.textContent('h1'), 'Trips of – from 2019-04-01'); // what counts where nothing stands
  assert.deepEqual((await given(page)).days_from, '2019-04-01');
  await set(page, '?day=2019-04-05', () => page.fill('[name=days_from]', '2019-04-01')); // its default stands in no address
  await set(page, '?day=2019-04-05&hand=cash', () => page.selectOption('[name=hand]', 'cash'));
  await set(page, '?day=2019-04-05&hand=cash&name=O\'Brien; DROP', () => page.fill('[name=name]', 'O\'Brien; DROP'));
  await set(page, '?day=2019-04-05&hand=cash&name=O\'Brien; DROP&top=12', () => page.fill('[name=top]', '12'));
  await set(page, '?day=2019-04-05&hand=cash&name=O\'Brien; DROP&top=12&long=true', () => page.check('[name=long]'));
  const now = await given(page);
  assert.deepEqual(now, { ...now, day: '2019-04-05', hand: 'cash', name: 'O\'Brien; DROP', top: '12', long: 'true' });

  // What is no value of its field is not taken.
  const before = asked.length;
  await page.fill('[name=top]', '99');
  await page.waitForTimeout(500);
  assert.equal(asked.length, before);
  assert.equal((await given(page)).top, '12');

  // The address alone brings all of it back.
  await page.reload();
  await idle(page);
  assert.deepEqual(await given(page), { ...now, several: '[SoHo, Harlem]' }); // not in the order of its choices, which come later
  assert.equal(await page.inputValue('[name=top]'), '12');
});

scene('several of many, by a list that has a search', '/inputs', async (page) => {
  await page.click('.picker summary');
  await set(page, '?several=Harlem', () => page.locator('.picker').getByLabel('SoHo', { exact: true }).uncheck());
  assert.equal((await given(page)).several, '[Harlem]');
  await set(page, '?several=', () => page.locator('.picker').getByRole('button', { name: 'None' }).click());
  assert.equal((await given(page)).several, '[]');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.picker').evaluate((picker) => picker.open), false);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
});

scene('only what follows an input is asked again; back and forward', '/inputs', async (page, asked) => {
  const names = () => [...new Set(asked.splice(0).map((url) => url.split('?')[0]))].sort();
  assert.deepEqual(names(), ['by_zone', 'chosen', 'given', 'untouched', 'zones']);
  await set(page, '?zone=SoHo', () => page.selectOption('[name=zone]', 'SoHo'));
  assert.deepEqual(names(), ['chosen', 'given']);
  const alone = await tile(page, 'chosen').locator('.big').textContent();
  assert.ok(Number(alone) > 0 && Number(alone) < 600);
  await set(page, '', () => page.goBack());
  assert.deepEqual(names(), ['chosen', 'given']);
  assert.equal(await tile(page, 'chosen').locator('.big').textContent(), '600');
  assert.equal(await page.inputValue('[name=zone]'), '');
  assert.match(await page.textContent('h1'), /^Trips of – /); // nothing is chosen
  await set(page, '?zone=SoHo', () => page.goForward());
  assert.match(await page.textContent('h1'), /^Trips of SoHo /);
  assert.equal(await tile(page, 'chosen').locator('.big').textContent(), alone);
});

scene('a click on a bar sets an input, and another its default', '/inputs', async (page, asked) => {
  const canvas = tile(page, 'by_zone').locator('.canvas');
  const { width, height } = await canvas.boundingBox();
  const third = { position: { x: width * 0.52, y: height * 0.5 } };
  asked.length = 0;
  await set(page, '?zone=JFK Airport', () => canvas.click(third)); // the third of five
  assert.deepEqual(asked.map((url) => url.split('?')[0]).sort(), ['chosen', 'given']);
  assert.equal(await page.inputValue('[name=zone]'), 'JFK Airport');
  assert.equal((await given(page)).zone, 'JFK Airport');
  await set(page, '', () => canvas.click(third));
  assert.equal((await given(page)).zone, 'all');
  // The keyboard has the same way, by the table.
  await choose(page, 'by_zone', 'Show as table');
  await set(page, '?zone=SoHo', async () => { await tile(page, 'by_zone').getByRole('button', { name: 'SoHo' }).focus(); await page.keyboard.press('Enter'); });
});
