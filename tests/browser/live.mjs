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
