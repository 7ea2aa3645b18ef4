// Pages that were exported: files that have all in them, opened without a network.
//
// usage: CHROMIUM=PROGRAM exported.mjs MODULES FOLDER, where FOLDER has `charts.html`, `inputs.html` (of the zone SoHo), `layout.html`,
// `maps.html`, `hostile.html` and `charts.pdf`
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';
import { choose, idle, narrow, scene as at, tile, usable } from './browser.mjs';
import { looksLike } from './picture.mjs';

const folder = process.argv[3];
const scene = (name, file, run, options) => at(name, pathToFileURL(join(folder, file)).href, run, { offline: true, ...options });

scene('every kind of chart is drawn as where it is served', 'charts.html', async (page, asked) => {
  for (const name of ['bars', 'lying', 'stacked', 'lines', 'areas', 'points', 'parts', 'heat', 'fares']) {
    await looksLike(name, await tile(page, name).locator('.canvas').screenshot());
  }
  assert.equal(await tile(page, 'total').locator('.big').textContent(), '600');
  const many = tile(page, 'many').locator('regular-table');
  await many.evaluate((table) => { table.scrollTop = table.scrollHeight; });
  await many.getByText('name 49999', { exact: true }).waitFor();
  assert.match(await tile(page, 'bars').locator('.status').textContent(), /^5 rows · [\d.]+ m?s · .*\$0\.0/);
  assert.match(await page.textContent('.made'), /^As it was on 20\d\d-\d\d-\d\d \d\d:\d\d UTC$/);
  await choose(page, 'bars', 'Show as table');
  assert.equal(await tile(page, 'bars').locator('tbody tr').count(), 5);
  assert.equal(await page.getByText('Download', { exact: false }).count(), 0);
  assert.deepEqual(asked, []);
  await page.getByRole('button', { name: 'Switch to dark mode' }).click();
  await idle(page);
  await usable(page, 'in the dark');
});

scene('inputs are as they were set, and cannot be set', 'inputs.html', async (page, asked) => {
  assert.match(await page.textContent('h1'), /SoHo from 2019-04-02/);
  const given = Object.fromEntries(await page.locator('form.inputs :is(input, select)[name]').evaluateAll((all) => all.map((one) => [one.name, one.value])));
  assert.deepEqual({ zone: given.zone, days_from: given.days_from, top: given.top }, { zone: 'SoHo', days_from: '2019-04-02', top: '10' });
  assert.equal(await page.locator('form.inputs :is(input, select):enabled').count(), 0);
  const alone = Number(await tile(page, 'chosen').locator('.big').textContent());
  assert.ok(alone > 0 && alone < 600, `${alone}`);
  const canvas = tile(page, 'by_zone').locator('.canvas');
  const { width, height } = await canvas.boundingBox();
  const before = page.url();
  await canvas.click({ position: { x: width * 0.52, y: height * 0.5 } });
  await idle(page);
  assert.equal(page.url(), before);
  assert.equal(await page.locator('[name=zone]').inputValue(), 'SoHo');
  assert.deepEqual(asked, []);
  await usable(page, 'an exported page');
  await narrow(page);
});

scene('tabs open, and loops have their sections', 'layout.html', async (page) => {
  await page.getByRole('tab', { name: 'Zones, one by one' }).click();
  await idle(page);
  const zones = await page.locator('section h3 output[data-value=zone]').allTextContents();
  assert.equal(zones.length, 5, zones.join());
  const numbers = await page.locator('section .big').allTextContents();
  assert.equal(numbers.reduce((sum, text) => sum + Number(text), 0), 600);
  assert.equal(await page.locator('section canvas:visible').count(), 5);
  assert.equal(await page.locator('.error').count(), 0);
});

scene('maps have their script and their shapes in the file', 'maps.html', async (page) => {
  for (const name of ['countries', 'places', 'one', 'zones', 'stops']) {
    const canvas = tile(page, name).locator('.canvas');
    await canvas.scrollIntoViewIfNeeded();
    await looksLike(`map_${name}`, await canvas.screenshot());
  }
});

scene('nothing of data, names, titles or what was set runs', 'hostile.html', async (page) => {
  await choose(page, 'bars', 'Show as table');
  const text = await page.textContent('main');
  for (const piece of ['<img src=x onerror=alert(7)>', '</script><script>alert(24)</script>', '<script>alert(9)</script>', '<img src=x onerror=alert(14)>', '<iframe srcdoc=']) {
    assert.ok(text.includes(piece), piece);
  }
  assert.equal(await page.title(), '<img src=x onerror=alert(1)>');
  const made = 'img, script, iframe, svg, style, object, embed, [onerror], [onload], [onmouseover], [srcdoc], a[href^="javascript" i]';
  assert.deepEqual(await page.locator(`main :is(${made}), header :is(${made})`).evaluateAll((all) => all.map((one) => one.outerHTML)), []);
  const scripts = await page.locator('script').evaluateAll((all) => all.map((one) => `${one.type} ${one.className}`));
  assert.deepEqual([...new Set(scripts)].sort(), ['module ', 'text/plain rows']);
  assert.equal(await page.locator('.error').count(), 0);
  assert.equal(await page.evaluate(() => window.ran), undefined);
});

scene('its policy holds', 'charts.html', async (page) => {
  await page.evaluate(() => { document.querySelector('main').insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = 1">'); });
  await page.waitForFunction(() => window.violations.length > 0);
  assert.match(await page.evaluate(() => window.violations.splice(0).join()), /script-src-attr inline/);
  assert.equal(await page.evaluate(() => window.ran), undefined);
}, { expected: /Content Security Policy/ });

test('the PDF has pages, text, and a drawing of each chart', () => {
  const bytes = readFileSync(join(folder, 'charts.pdf'));
  const text = bytes.toString('latin1');
  assert.equal(text.slice(0, 5), '%PDF-');
  assert.ok((text.match(/\/Type \/Page\b(?!s)/g) ?? []).length >= 2, 'pages');
  assert.ok((text.match(/\/Subtype \/Form\b/g) ?? []).length >= 9, 'drawings');
  assert.ok(text.includes('/ToUnicode'), 'text that can be found');
  let shown = 0;
  for (const { index } of text.matchAll(/>>\s*stream\r?\n/g)) {
    const start = text.indexOf('stream', index) + (text[text.indexOf('stream', index) + 6] === '\r' ? 8 : 7);
    const end = text.indexOf('endstream', start);
    try {
      shown += (inflateSync(bytes.subarray(start, end)).toString('latin1').match(/\bT[jJ]\b/g) ?? []).length;
    } catch {
      // A picture, or a font, that is packed otherwise.
    }
  }
  assert.ok(shown > 20, `${shown} pieces of text`);
});

test('nothing is left beside the files', () => {
  assert.deepEqual(readdirSync(folder).sort(), ['charts.html', 'charts.pdf', 'hostile.html', 'inputs.html', 'layout.html', 'maps.html']);
});
