// For everyone: axe, the keyboard, a phone, the dark, paper.
import assert from 'node:assert/strict';
import { choose, idle, narrow, scene, tile, usable } from './browser.mjs';

for (const name of ['charts', 'inputs', 'wrong', 'hostile', 'multiples', 'layout', 'layout?tab=zones-one-by-one&tab=two']) {
  scene(`everyone can use ${name}: axe, in the light and the dark, and on a phone`, `/${name}`, async (page) => {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await idle(page);
      await usable(page, `${name} in the ${colorScheme}`);
    }
    await narrow(page);
  });
}

scene('axe finds nothing in what is opened', '/inputs', async (page) => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.click('.picker summary');
    await usable(page, 'a list of choices');
    await page.keyboard.press('Escape');
    await tile(page, 'by_zone').locator('.menu summary').click();
    await usable(page, 'a menu');
    await page.keyboard.press('Escape');
  }
  await choose(page, 'by_zone', 'Show as table');
  await usable(page, 'a chart as a table');
});

scene('the dark is the system\'s or the reader\'s, and charts follow', '/charts', async (page) => {
  const theme = () => page.getAttribute('html', 'data-theme');
  const axis = () => tile(page, 'bars').locator('canvas').evaluate((canvas) => {
    const copy = new OffscreenCanvas(canvas.width, 16).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 16 - canvas.height);
    const { data } = copy.getImageData(0, 0, canvas.width, 16);
    let light = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) light = Math.max(light, data[at]);
    return light; // of the names below the axis
  });
  assert.equal(await theme(), 'light');
  assert.ok((await axis()) < 140);
  await page.getByRole('button', { name: 'Switch to dark mode' }).click();
  await idle(page);
  assert.equal(await theme(), 'dark');
  assert.ok((await axis()) > 140, 'the chart is not dark');
  await page.reload();
  await idle(page);
  assert.equal(await theme(), 'dark');
  await page.getByRole('button', { name: 'Switch to light mode' }).click();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
});

scene('the keyboard reaches every field and every menu', '/inputs', async (page) => {
  const seen = new Set();
  for (let at = 0; at < 60; at += 1) {
    await page.keyboard.press('Tab');
    seen.add(await page.evaluate(() => document.activeElement.getAttribute('name') ?? document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName));
  }
  const wanted = ['day', 'days_from', 'days_to', 'zone', 'hand', 'name', 'top', 'long', 'More of By zone', 'Switch to dark mode'];
  assert.deepEqual(wanted.filter((name) => !seen.has(name)), []);
});

scene('paper has charts and no buttons', '/charts', async (page) => {
  const bytes = await page.pdf({ format: 'A4', printBackground: true });
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-');
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('.menu:visible, header:visible, form:visible').count(), 0);
  assert.ok((await page.locator('canvas:visible').count()) >= 9);
});
