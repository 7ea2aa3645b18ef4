// A page that is saved while it is looked at, and what stands on a tile that failed.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { file, idle, scene, tile } from './browser.mjs';

/** Saves the page with a piece of it changed. */
function save(name, from, to) {
  const text = readFileSync(file(name), 'utf8');
  assert.ok(text.includes(from), from);
  writeFileSync(file(name), text.replace(from, to));
}

scene('what is saved is shown, and only tiles that changed are asked again', '/wrong', async (page, asked) => {
  await tile(page, 'fine').locator('canvas').evaluate((canvas) => { window.canvas = canvas; });
  const isKept = () => page.evaluate(() => window.canvas.isConnected);
  asked.length = 0;
  save('wrong', 'title="Fine"', 'title="Still fine"');
  await page.getByText('Still fine', { exact: true }).waitFor();
  await idle(page);
  assert.ok(await isKept(), 'a title made another chart');
  assert.deepEqual(asked.filter((url) => url.startsWith('fine')), [], 'a title asked again');

  save('wrong', 'id < 0', 'id < 7');
  await tile(page, 'nothing').locator('canvas').waitFor();
  await idle(page);
  assert.ok(await isKept());
  assert.deepEqual(asked.filter((url) => url.startsWith('fine')), []);

  const began = Date.now();
  save('wrong', 'GROUP BY zone', "WHERE zone <> 'SoHo' GROUP BY zone");
  await page.waitForFunction(() => document.querySelector('#tile-fine .status').textContent.startsWith('4 rows'));
  console.log(`# a saved change was drawn after ${Date.now() - began} ms`);
  assert.equal(await isKept(), false);

  save('wrong', '```sql fine bar', '```sql fine baz');
  await page.locator('.banner').waitFor();
  assert.match(await page.textContent('.banner'), /no chart `baz`; did you mean `bar`\?/);
  assert.ok(await tile(page, 'fine').locator('canvas').isVisible(), 'the page that was there is gone');
  save('wrong', '```sql fine baz', '```sql fine bar');
  await page.locator('.banner').waitFor({ state: 'detached' });
});

scene('an error stands on its tile, with the place, and the others are drawn', '/wrong', async (page, asked) => {
  const failed = tile(page, 'no_column');
  const words = await failed.locator('.error').textContent();
  assert.match(words, /Referenced column "fair" not found/);
  const [line, caret] = (await failed.locator('pre').last().textContent()).split('\n').filter((one) => one.includes('fair FROM') || /^ *\^$/.test(one));
  assert.equal(line.slice(caret.indexOf('^')).startsWith('fair'), true, `${line}\n${caret}`);
  assert.match(await failed.textContent(), /no_column/); // it has no title
  assert.match(await tile(page, 'no_number').locator('.error').textContent(), /"day" has no numbers/);
  assert.equal(await failed.locator('.menu li').count(), 0);
  assert.ok(await tile(page, 'fine').locator('canvas').isVisible());
  asked.length = 0;
  await failed.getByRole('button', { name: 'Try again' }).click();
  await idle(page);
  assert.deepEqual(asked, ['no_column']);
});

scene('a loop that is the same keeps its sections, and one that is another makes them anew', '/layout?tab=zones-one-by-one', async (page, asked) => {
  await tile(page, 'paid-2').locator('canvas').evaluate((canvas) => { window.canvas = canvas; });
  const isKept = () => page.evaluate(() => window.canvas.isConnected);
  asked.length = 0;
  save('layout', 'Text of one.', 'Text of the first.');
  await page.getByText('Text of the first.', { exact: true }).waitFor();
  await idle(page);
  assert.ok(await isKept());
  assert.deepEqual(asked, []);
  assert.equal(await page.locator('.sections > section').count(), 5);

  save('layout', '### Trips of', '### All trips of');
  await page.getByText('All trips of SoHo, more than 0', { exact: true }).waitFor();
  await idle(page);
  assert.ok(!(await isKept()));
  assert.equal(asked.filter((url) => url.startsWith('paid')).length, 5);
  save('layout', '### All trips of', '### Trips of');
  save('layout', 'Text of the first.', 'Text of one.');
  await page.getByText('Trips of SoHo, more than 0', { exact: true }).waitFor();
  await idle(page);
});
