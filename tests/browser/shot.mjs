// The picture of a page, for documents: docs/dashboard.png is the page of examples/dbt, over its models.
//
// usage: CHROMIUM=PROGRAM shot.mjs MODULES PORT PAGES PATH FILE
import { test } from 'node:test';
import { base, browser, idle } from './browser.mjs';

const [path, file] = process.argv.slice(5);

test(`${path} is drawn to ${file}`, async () => {
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 }, reducedMotion: 'reduce', colorScheme: 'light' });
  await page.goto(base + path);
  await idle(page);
  await page.screenshot({ path: file, fullPage: true });
});
