// The editor: SQL is written, run, drawn, and put into a page.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { file, idle, scene, tile, usable } from './browser.mjs';

const TEXT = '# Edited\n\n```input day\ntype: date\ndefault: 2019-04-02\n```\n\n```sql first table\nSELECT 1 AS one\n```\n';
writeFileSync(file('edited'), TEXT);

const text = (page) => page.locator('.cm-content');
const option = (page, name) => page.locator('.cm-tooltip-autocomplete li').filter({ hasText: name }).first();
const field = (page, name) => page.locator(`#editor [name="${name}"]`);
const run = (page) => page.keyboard.press('Control+Enter');
const status = (page, words) => page.locator('.buttons .status').filter({ hasText: words }).waitFor();

/** Types, and takes what is offered under that name. */
async function complete(page, begin, name) {
  await page.keyboard.type(begin);
  await option(page, name).waitFor();
  for (let at = 0; at < 40; at += 1) {
    const chosen = await page.locator('.cm-tooltip-autocomplete li[aria-selected] .cm-completionLabel').textContent();
    if (chosen === name) break;
    await page.keyboard.press('ArrowDown');
  }
  await page.waitForTimeout(100); // a list that has just come takes no keys
  await page.keyboard.press('Enter');
  await page.locator('.cm-tooltip-autocomplete').waitFor({ state: 'detached' });
}

scene('SQL is completed, run, drawn and added to a page, which shows it', '/edit?page=edited', async (page, asked, context) => {
  const shown = await context.newPage();
  await shown.goto(page.url().replace(/\/edit.*/, '/edited'));
  await idle(shown);
  await text(page).click();
  await page.keyboard.type('SELECT zone, count(*) AS trips ');
  await complete(page, 'FROM tri', 'trips');
  await complete(page, ' WHERE da', 'day');
  await complete(page, ' >= $da', '$day');
  await page.keyboard.type(' GROUP BY zone ORDER BY zone');
  assert.equal((await text(page).innerText()).trim(), 'SELECT zone, count(*) AS trips FROM trips WHERE day >= $day GROUP BY zone ORDER BY zone');
  await run(page);
  await status(page, '5 rows');
  assert.match(await page.locator('.buttons .status').textContent(), /^5 rows · .* ms · \$0\.0000/);
  assert.equal(await page.locator('.grid tbody tr').count(), 5);

  await field(page, 'chart').selectOption('bar');
  await field(page, 'x').selectOption('zone');
  await field(page, 'y').fill('trips');
  await field(page, 'title').fill('By "hand"');
  await page.locator('#tile-preview canvas').waitFor();
  assert.equal(await page.locator('#tile-preview figcaption').textContent(), 'By "hand"');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await usable(page, `the editor in the ${colorScheme}`);
  }

  await field(page, 'name').fill('by_hand');
  await page.getByRole('button', { name: 'Add to page' }).click();
  await status(page, 'Added: dashboards/edited.md');
  const sql = 'SELECT zone, count(*) AS trips FROM trips WHERE day >= $day GROUP BY zone ORDER BY zone';
  assert.equal(readFileSync(file('edited'), 'utf8'), `${TEXT}\n\`\`\`sql by_hand bar title="By "'"'"hand"'"'"" x=zone y=trips\n${sql}\n\`\`\`\n`);
  await tile(shown, 'by_hand').locator('canvas').waitFor();
  assert.equal(await tile(shown, 'by_hand').locator('figcaption').textContent(), 'By "hand"');

  // What is there now is the query of the page, and saving it writes it anew.
  assert.equal(new URL(page.url()).search, '?page=edited&query=by_hand');
  await text(page).click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(' LIMIT 2');
  await page.getByRole('button', { name: 'Save' }).click();
  await status(page, 'Saved: dashboards/edited.md');
  assert.ok(readFileSync(file('edited'), 'utf8').includes(`${sql} LIMIT 2\n\`\`\``));
  await shown.waitForFunction(() => document.querySelector('#tile-by_hand .status').textContent.startsWith('2 rows'));

  writeFileSync(file('edited'), `${readFileSync(file('edited'), 'utf8')}\nMeanwhile.\n`);
  await page.keyboard.type('0');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').filter({ hasText: 'was changed after it was opened here' }).waitFor();
  assert.ok(!readFileSync(file('edited'), 'utf8').includes('LIMIT 20'));
});

scene('what is wrong is told and marked, and what hostile rows have is text', '/edit?page=inputs', async (page) => {
  await text(page).click();
  await page.keyboard.type('SELECT zone,\n fair FROM trips');
  await page.keyboard.press('Escape');
  await run(page);
  await page.getByRole('alert').filter({ hasText: 'Referenced column "fair" not found' }).waitFor();
  assert.equal(await page.locator('.cm-wrong').textContent(), 'fair');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await usable(page, `an error in the ${colorScheme}`);
  }
  await page.keyboard.press('Backspace');
  assert.equal(await page.locator('.cm-wrong').count(), 0);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('DROP TABLE trips');
  await page.keyboard.press('Escape');
  await run(page);
  await page.getByRole('alert').filter({ hasText: "a page's query is one SELECT" }).waitFor();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('SELECT text, n FROM hostile');
  await page.keyboard.press('Escape');
  await run(page);
  await status(page, '15 rows');
  await field(page, 'chart').selectOption('bar');
  await field(page, 'title').fill('<img src=x onerror=alert(1)>');
  await page.locator('#tile-preview canvas').waitFor();
  assert.equal(await page.locator('.grid img, #tile-preview img').count(), 0);
});

scene('the editor fits a phone, and the keyboard leaves it', '/edit?page=charts', async (page) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await text(page).click();
  await page.keyboard.type('SELECT * FROM trips LIMIT 300');
  await page.keyboard.press('Escape');
  await run(page);
  await status(page, '300 rows');
  await idle(page);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await usable(page, 'the editor on a phone');
  await text(page).focus();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Run');
});

scene('a tile that waits says what it may cost', '/wrong', async (page) => {
  let go;
  const held = new Promise((done) => { go = done; });
  await page.route(/\/api\/wrong\/fine/, async (route) => { await held; await route.continue(); });
  await page.reload();
  await tile(page, 'fine').locator('.status').filter({ hasText: /^Loading… up to \$0\.0000/ }).waitFor();
  go();
  await idle(page);
  assert.match(await tile(page, 'fine').locator('.status').textContent(), /^\d rows · .* ms · \$0\.0000/);
});
