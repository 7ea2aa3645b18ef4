// One Chromium for all scenes, with fonts of its own, so that pictures are the same everywhere.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const [, , modules, port, pages] = process.argv;
const require = createRequire(`${modules}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const base = `http://127.0.0.1:${port}`;
/** The file of a page. */
export const file = (name) => join(pages, `${name}.md`);

const fonts = mkdtempSync(join(tmpdir(), 'dash-fonts-'));
writeFileSync(
  join(fonts, 'fonts.conf'),
  `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${join(modules, 'node_modules/dejavu-fonts-ttf/ttf')}</dir><cachedir>${fonts}</cachedir>
<match target="pattern"><edit name="family" mode="prepend" binding="strong"><string>DejaVu Sans</string></edit></match>
<match target="font"><edit name="hinting" mode="assign"><bool>false</bool></edit></match>
</fontconfig>`,
);
export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--font-render-hinting=none', '--disable-lcd-text', '--force-color-profile=srgb', '--disable-gpu'],
  env: { ...process.env, FONTCONFIG_FILE: join(fonts, 'fonts.conf'), HOME: fonts, XDG_CACHE_HOME: fonts, XDG_CONFIG_HOME: fonts },
});
after(async () => {
  await browser.close();
  rmSync(fonts, { recursive: true, force: true });
});

/** What a page must never do: a dialog, an error, something that its policy forbids. */
function watch(page, wrong, expected, own) {
  page.on('dialog', (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on('pageerror', (error) => wrong.push(`an error: ${error.stack}`));
  page.on('console', (message) => {
    // What the server refuses is on the tile, and the scenes look there.
    if (/^(error|warning)$/.test(message.type()) && !/the server responded with a status of 4/.test(message.text()) && !expected?.test(message.text())) wrong.push(`the console: ${message.text()}`);
  });
  page.on('request', (request) => { if (!own.test(request.url())) wrong.push(`a request: ${request.url()}`); });
}

/** A test with a page of its own at `path`, from when `until` is over on; whatever it is about, nothing may have run that is not ours. */
export function scene(name, path, run, { expected, until = idle, ...options } = {}) {
  test(name, { timeout: 60_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, reducedMotion: 'reduce', colorScheme: 'light', timezoneId: 'Pacific/Auckland', ...options });
    const wrong = [];
    const isFile = path.startsWith('file:');
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      // A page that is a file asks for nothing but itself.
      const own = isFile ? /^(file|data|blob):/ : /^(http:\/\/127\.0\.0\.1:|data:|blob:)/;
      watch(page, wrong, expected, own);
      const asked = [];
      page.on('request', (request) => { const url = new URL(request.url()); if (url.pathname.startsWith('/api/')) asked.push(`${url.pathname.split('/').pop()}${url.search}`); });
      await page.addInitScript(() => {
        window.violations = [];
        document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
      });
      await page.goto(isFile ? path : base + path);
      await until(page);
      await run(page, asked, context);
      wrong.push(...(await page.evaluate(() => window.violations)).map((violation) => `the policy: ${violation}`));
    } finally {
      await context.close();
    }
    assert.deepEqual(wrong, []);
  });
}

/** Until every tile has its rows, or its error, and they are painted. */
export async function idle(page) {
  await page.waitForFunction(() => document.querySelector('.foot, #editor[data-ready]') && !document.querySelector('[aria-busy="true"]'));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** What the tile says in its place of rows. */
export const tile = (page, name) => page.locator(`#tile-${name}`);

export async function choose(page, name, entry) {
  await tile(page, name).locator('.menu summary').click();
  await tile(page, name).locator('.menu').getByText(entry, { exact: true }).click();
}

/** Fails where axe finds something that a person could not use. */
export async function usable(page, what) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document));
  assert.deepEqual(violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary}`)), [], what);
  assert.ok(passes.length > 10, `axe looked at nothing: ${what}`);
}

/** Fails where a phone would have to be scrolled sideways. */
export async function narrow(page) {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(200); // charts follow a moment later
  if (await page.locator('.foot').count()) await idle(page);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  const outside = await page.evaluate(() => [...document.querySelectorAll('figure, form, .canvas, h1, input, button')].filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 80)));
  assert.deepEqual([width, outside], [390, []]);
}

let page = null;

/** Runs a function in a page of the browser that is nobody's, for what only a browser can do. */
export async function elsewhere(run, given) {
  page ??= await browser.newPage();
  return page.evaluate(run, given);
}
