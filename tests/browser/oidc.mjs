// Sign-in by an identity provider, as a browser does it: the provider is another site, and sends the browser back.
//
// usage: CHROMIUM=PROGRAM oidc.mjs MODULES PORT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base, browser, idle } from './browser.mjs';

test('a link leads to the identity provider and back to the page, under the policy of pages', { timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const wrong = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => wrong.push(error.stack));
    page.on('console', (message) => { if (/^(error|warning)$/.test(message.type())) wrong.push(message.text()); });
    const sites = new Set();
    page.on('request', (request) => { if (request.isNavigationRequest()) sites.add(new URL(request.url()).hostname); });
    await page.goto(`${base}/trips`);
    assert.equal(page.url(), `${base}/login?to=%2Ftrips`);
    await page.getByRole('link', { name: 'Sign in with Example & Co' }).click();
    await page.waitForURL(`${base}/trips`);
    await idle(page);
    assert.deepEqual([...sites], ['127.0.0.1', 'localhost'], 'the identity provider is another site');
    assert.equal(await page.locator('form.session span').textContent(), 'cleo+x@example.com');
    assert.match(await page.locator('main').textContent(), /cleo\+x@example\.com/);
    assert.deepEqual((await context.cookies()).map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]), [['quack-quack-lake-dev', true, 'Lax']]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${base}/login`);
    assert.deepEqual(await context.cookies(), []);
    await page.goto(`${base}/trips`);
    assert.equal(page.url(), `${base}/login?to=%2Ftrips`);
  } finally {
    await context.close();
  }
  assert.deepEqual(wrong, []);
});
