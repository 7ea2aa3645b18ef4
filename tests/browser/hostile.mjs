// Texts that would be code where they are not kept from it: as values, names of columns, titles, labels, and in the address.
import assert from 'node:assert/strict';
import { choose, idle, scene, tile } from './browser.mjs';

const TILES = ['bars', 'lines', 'parts', 'heat', 'pictures'];
const payload = '"><img src=x onerror=alert(23)><script>alert(24)</script>';
const address = `/hostile?who=${encodeURIComponent(payload)}&one=${encodeURIComponent('<svg/onload=alert(3)>')}&unknown=${encodeURIComponent(payload)}`;

scene('nothing of data, names, titles or the address runs', address, async (page) => {
  const objects = await page.evaluate(() => Object.getOwnPropertyNames(Object.prototype).length);
  await page.locator('#tile-bars .help').click();
  await page.click('.picker summary');
  await page.keyboard.press('Escape');
  for (const name of TILES) {
    const canvas = tile(page, name).locator('.canvas');
    await canvas.scrollIntoViewIfNeeded();
    const { width, height } = await canvas.boundingBox();
    let tips = 0;
    for (const [x, y] of [[0.5, 0.5], [0.35, 0.3], [0.62, 0.62], [0.5, 0.2], [0.3, 0.75]]) {
      await canvas.hover({ position: { x: width * x, y: height * y } });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      tips += await canvas.locator('.tip').count();
    }
    assert.ok(tips > 0, `no tooltip of ${name}`);
    const [saved] = await Promise.all([page.waitForEvent('download'), choose(page, name, 'Save as PNG')]);
    assert.match(saved.suggestedFilename(), /^[^/\\<>"]+\.png$/);
    await choose(page, name, 'Show as table');
  }
  await tile(page, 'more').locator('regular-table tbody td').first().waitFor();
  await tile(page, 'bars').getByRole('button', { name: 'javascript:alert(4)' }).click();
  await idle(page);
  await page.goBack();
  await idle(page);
  await page.evaluate(() => { dispatchEvent(new Event('beforeprint')); dispatchEvent(new Event('afterprint')); });

  // A section for each text, which its own query is asked with.
  await page.getByRole('tab', { name: '__proto__' }).click();
  await idle(page);
  assert.equal(await page.locator('.sections > section').count(), 15);
  for (const [at, row] of (await page.locator('.sections tbody tr').evaluateAll((rows) => rows.map((one) => [...one.cells].map(({ textContent }) => textContent)))).entries()) {
    assert.ok(row.length === 2 && row[0] === row[1], `the section ${at} has its text: ${row}`);
  }
  assert.equal(await page.locator('.sections tbody tr').count(), 15);

  // It is there, as text.
  const text = await page.textContent('main');
  for (const piece of ['<img src=x onerror=alert(7)>', payload, '<script>alert(9)</script>', '<img src=x onerror=alert(12)>', '<img src=x onerror=alert(14)>', '<iframe srcdoc=', '<img src=x onerror=alert(26)> "a"', '<img src=x onerror=alert(27)>']) {
    assert.ok(text.includes(piece), piece);
  }
  assert.equal(await page.title(), '<img src=x onerror=alert(1)>');
  assert.match(await tile(page, 'error').locator('.error').textContent(), /<img src=x onerror=alert\(22\)>/);
  const made = 'img, script, iframe, svg, style, object, embed, [onerror], [onload], [onmouseover], [srcdoc], a[href^="javascript" i]';
  assert.deepEqual(await page.locator(`main :is(${made}), header :is(${made})`).evaluateAll((all) => all.map((one) => one.outerHTML)), []);
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.equal(await page.evaluate(() => Object.getOwnPropertyNames(Object.prototype).length), objects);
});

scene('what watches would see it', '/charts', async (page) => {
  // Were a text ever written as HTML, this is what it would do: nothing, and the policy would tell.
  await page.evaluate(() => { document.querySelector('main').insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = 1">'); });
  await page.waitForFunction(() => window.violations.length > 0);
  assert.match(await page.evaluate(() => window.violations.splice(0).join()), /script-src-attr inline/);
  assert.equal(await page.evaluate(() => window.ran), undefined);
}, { expected: /Content Security Policy/ });
