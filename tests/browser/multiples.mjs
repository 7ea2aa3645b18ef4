// Small multiples, and lines in the cells of a table.
import assert from 'node:assert/strict';
import { idle, scene, tile } from './browser.mjs';
import { isSame, looksLike, soft } from './picture.mjs';

const KINDS = ['facet_bars', 'facet_lines', 'facet_areas', 'facet_points', 'facet_fares'];

scene('a picture for each value, of every kind', '/multiples', async (page) => {
  const pictures = [];
  for (const name of KINDS) pictures.push([name, await looksLike(name, await tile(page, name).locator('.canvas').screenshot())]);
  for (const [at, [name, picture]] of pictures.entries()) for (const [other, earlier] of pictures.slice(0, at)) assert.ok(!isSame(picture, earlier), `${name} is as ${other}`);
  assert.match(await tile(page, 'facet_lines').locator('.canvas').getAttribute('aria-label'), /: low, high, a picture for each of Chelsea, Harlem, JFK Airport, Midtown, SoHo\./);
  assert.match(await tile(page, 'facet_many').locator('.status').textContent(), /6 more pictures are not drawn/);
  const canvas = tile(page, 'facet_lines').locator('.canvas');
  const { width, height } = await canvas.boundingBox();
  await canvas.hover({ position: { x: width * 0.12, y: height * 0.25 } });
  await canvas.locator('.tip').waitFor();
  assert.match(await canvas.locator('.tip').textContent(), /^Chelsea: 2019-04-/);
});

scene('a legend puts a series away in all pictures; a click sets an input', '/multiples', async (page) => {
  const canvas = tile(page, 'facet_areas').locator('.canvas');
  const before = await canvas.screenshot();
  const cash = tile(page, 'facet_areas').getByRole('button', { name: 'cash' });
  assert.equal(await tile(page, 'facet_areas').locator('.legend button').count(), 2);
  await cash.click();
  await page.mouse.move(0, 0);
  await idle(page);
  const [all, less] = await soft(before, await canvas.screenshot());
  assert.ok(!isSame(all, less));
  const bars = tile(page, 'facet_bars').locator('.canvas');
  const { width, height } = await bars.boundingBox();
  await bars.click({ position: { x: width * 0.4, y: height * 0.35 } }); // in the second picture
  await page.waitForURL(/zone=ca(rd|sh)/);
});

scene('lists are lines in a table, and are told', '/multiples', async (page) => {
  const cells = tile(page, 'sparks').locator('.spark');
  assert.equal(await cells.count(), 10);
  assert.match(await cells.nth(0).getAttribute('aria-label'), /^\d+ values: min [\d.]+, max [\d.]+, last [\d.]+$/);
  assert.equal(await cells.nth(1).getAttribute('aria-label'), '5 values: min 1, max 3, last 2, 1 missing');
  assert.equal(await cells.nth(1).locator('path').getAttribute('d'), 'M2 22m-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0M60 2L89 12L118 12');
  assert.ok((await cells.nth(0).boundingBox()).width > 100);
  const rows = tile(page, 'long').locator('regular-table');
  assert.match(await rows.locator('tbody tr').nth(0).locator('.spark').getAttribute('aria-label'), /^3 values: min 0/);
  assert.deepEqual(await Promise.all([1, 2, 3].map((row) => rows.locator('tbody tr').nth(row).locator('td').nth(1).textContent())), ['NULL', 'empty', 'NULL']);
  await rows.evaluate((table) => { table.scrollTop = table.scrollHeight; });
  await rows.getByText('999', { exact: true }).waitFor();
  assert.ok((await rows.locator('.spark').count()) > 3);
  assert.match(await tile(page, 'no_list').locator('.error').textContent(), /"zone" has no lists of numbers/);
  const picture = await tile(page, 'sparks').locator('.rows').screenshot();
  await looksLike('sparks', picture);
});
