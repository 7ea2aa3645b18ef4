// The page that `make demo` ends with, as README shows it: docs/dashboard.png.
//
// usage: CHROMIUM=PROGRAM demo.mjs MODULES PORT
import assert from 'node:assert/strict';
import { idle, scene, tile } from './browser.mjs';
import { looksLike } from './picture.mjs';

scene("the demo's page is README's picture", '/trips', async (page) => {
  assert.equal(await tile(page, 'all').locator('.big').textContent(), '1,000,000');
  // What a second reader sees: rows that are kept, which took no time that would be another each time.
  await page.reload();
  await idle(page);
  await looksLike('../../../docs/dashboard', await page.screenshot({ fullPage: true }));
}, { viewport: { width: 1000, height: 800 } });
