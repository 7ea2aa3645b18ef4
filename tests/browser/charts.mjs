// Every kind of chart, as it is drawn.
import assert from 'node:assert/strict';
import { choose, idle, scene, tile } from './browser.mjs';
import { isSame, looksLike, soft } from './picture.mjs';

const KINDS = ['bars', 'lying', 'stacked', 'lines', 'areas', 'points', 'parts', 'heat', 'fares'];

scene('every kind of chart is drawn as it was', '/charts', async (page) => {
  const pictures = [];
  for (const name of KINDS) {
    const picture = await tile(page, name).locator('.canvas').screenshot();
    pictures.push([name, await looksLike(name, picture)]);
  }
  // A comparison that finds nothing would be none: no picture is as another, and none is as an empty chart.
  await page.evaluate(() => { for (const canvas of document.querySelectorAll('canvas')) canvas.width = canvas.width; });
  for (const [at, [name, picture]] of pictures.entries()) {
    const [empty] = await soft(await tile(page, name).locator('.canvas').screenshot());
    for (const [what, other] of [['an empty one', empty], ...pictures.slice(0, at)]) {
      assert.ok(!isSame(picture, other), `${name} is as ${what}`);
    }
  }
});

scene('numbers, tables and what is said of them', '/charts', async (page) => {
  assert.equal(await tile(page, 'total').locator('.big').textContent(), '600');
  assert.match(await tile(page, 'total').locator('.change').textContent(), /20\s?%/);
  const rows = await tile(page, 'few').locator('tbody tr').allTextContents();
  assert.equal(rows.length, 3);
  assert.match(rows[0], /^Chelsea9,007,199,254,741,\d{3}NULL$/); // beyond what a number of JavaScript has
  const many = tile(page, 'many').locator('regular-table');
  assert.match(await many.locator('tbody').textContent(), /name 0/);
  await many.evaluate((table) => { table.scrollTop = table.scrollHeight; });
  await many.getByText('name 49999', { exact: true }).waitFor();
  assert.match(await tile(page, 'bars').locator('.status').textContent(), /^5 rows · [\d.]+ m?s · .*\$0\.0/);
  assert.match(await tile(page, 'bars').locator('.canvas').getAttribute('aria-label'), /^Bars: bar chart of 5 rows/);
  await tile(page, 'bars').locator('.canvas').hover({ position: { x: 200, y: 200 } });
  await tile(page, 'bars').locator('.tip').waitFor();
  assert.match(await tile(page, 'bars').locator('.tip').textContent(), /trips\d+/);
});

scene('a tile is a table, and is saved', '/charts', async (page) => {
  await choose(page, 'bars', 'Show as table');
  assert.equal(await tile(page, 'bars').locator('tbody tr').count(), 5);
  await choose(page, 'bars', 'Show as chart');
  const saved = async (entry) => {
    const [download] = await Promise.all([page.waitForEvent('download'), choose(page, 'bars', entry)]);
    const pieces = [];
    for await (const piece of await download.createReadStream()) pieces.push(piece);
    return { name: download.suggestedFilename(), bytes: Buffer.concat(pieces) };
  };
  const csv = await saved('Download CSV');
  assert.equal(csv.name, 'charts-bars.csv');
  assert.match(csv.bytes.toString(), /^zone,trips\nChelsea,\d+\n/);
  assert.equal((await saved('Download Parquet')).bytes.subarray(0, 4).toString(), 'PAR1');
  const png = await saved('Save as PNG');
  assert.equal(png.name, 'Bars.png');
  assert.ok(png.bytes.length > 5000 && png.bytes.subarray(1, 4).toString() === 'PNG');
});

scene('a legend puts series away', '/charts', async (page) => {
  const cash = tile(page, 'stacked').getByRole('button', { name: 'cash' });
  const canvas = tile(page, 'stacked').locator('.canvas');
  const before = await canvas.screenshot();
  await cash.click();
  assert.equal(await cash.getAttribute('aria-pressed'), 'false');
  await page.mouse.move(0, 0);
  await idle(page);
  const less = await canvas.screenshot();
  await cash.click();
  await page.mouse.move(0, 0);
  await idle(page);
  const [all, one, again] = await soft(before, less, await canvas.screenshot());
  assert.ok(!isSame(all, one) && isSame(all, again));
});
