// What somebody does with pages that are deployed: signs in, looks, leaves; and what those see who may not look.
//
// usage: CHROMIUM=PROGRAM deployed.mjs MODULES PORT PAGES LINKS, where LINKS is JSON: paths of invitations, `good`, `expired`, `revoked`;
// `ann`, whose password is `correct horse`, may see the pages `charts`, `inputs` and `many`, and not `secret`
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { choose, idle, narrow, scene as at, tile, usable } from './browser.mjs';

const links = JSON.parse(process.argv[5]);
const scene = (name, path, run, options) => at(name, path, run, { until: (page) => page.waitForLoadState('load'), ...options });

async function fill(page, name, password) {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password').fill(password);
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await answered;
  await page.waitForLoadState('load');
}

async function signIn(page) {
  await fill(page, 'ann', 'correct horse');
  await idle(page);
}

/** The path, and what is behind `?`. */
const path = (page) => { const { pathname, search } = new URL(page.url()); return pathname + search; };

/** In the light and the dark, and on a phone. */
async function everyone(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await usable(page, `${what} in the ${colorScheme}`);
  }
  await narrow(page);
  await usable(page, `${what} on a phone`);
}

scene('who signs in is led to the page that was asked for', '/inputs?zone=SoHo', async (page) => {
  assert.equal(path(page), '/login?to=%2Finputs%3Fzone%3DSoHo');
  assert.equal(await page.locator('nav a').count(), 0);
  await everyone(page, 'the login page');
  for (const [name, password] of [['ann', 'wrong horse'], ['<b>eve', 'correct horse']]) {
    await fill(page, name, password);
    assert.equal(await page.getByRole('alert').textContent(), 'No such name with this password.');
  }
  await usable(page, 'a login that failed');
  await signIn(page);
  assert.equal(path(page), '/inputs?zone=SoHo');
  assert.equal(await page.inputValue('[name=zone]'), 'SoHo');
  assert.ok(await tile(page, 'by_zone').locator('canvas').first().isVisible());
  assert.match(await page.locator('form.session').textContent(), /ann/);
  assert.deepEqual(await page.locator('nav a').allTextContents(), ['charts', 'Inputs', 'Many']);
});

scene('an input changes what follows it, and all is there for everyone', '/inputs', async (page, asked) => {
  await signIn(page);
  assert.equal(await tile(page, 'chosen').locator('.big').textContent(), '600');
  asked.length = 0;
  await page.selectOption('[name=zone]', 'SoHo');
  await idle(page);
  assert.deepEqual(asked.map((url) => url.split('?')[0]).sort(), ['chosen', 'given']);
  assert.equal(path(page), '/inputs?zone=SoHo');
  const alone = Number(await tile(page, 'chosen').locator('.big').textContent());
  assert.ok(alone > 0 && alone < 600, `${alone}`);
  await page.reload();
  await idle(page);
  assert.equal(Number(await tile(page, 'chosen').locator('.big').textContent()), alone);
  assert.match(await tile(page, 'chosen').locator('.status').textContent(), /cached/);
  await everyone(page, 'a page');
});

scene('every chart is drawn', '/charts', async (page) => {
  await signIn(page);
  for (const name of ['bars', 'lying', 'stacked', 'lines', 'areas', 'points', 'parts', 'heat', 'fares']) {
    assert.ok(await tile(page, name).locator('canvas').first().isVisible(), name);
  }
  assert.equal(await page.locator('.error').count(), 0);
});

scene('answers of many megabytes are drawn, and saved whole', '/many', async (page, asked) => {
  await signIn(page);
  assert.match(await tile(page, 'rows').locator('.status').textContent(), /^100,000 rows/);
  assert.ok(asked.includes('2'), `in parts: ${asked}`);
  const many = tile(page, 'rows').locator('regular-table');
  await many.evaluate((table) => { table.scrollTop = table.scrollHeight; });
  const md5 = (text) => createHash('md5').update(text).digest('hex');
  const last = md5('99999') + md5('100000');
  await many.getByText(last, { exact: true }).waitFor();
  assert.ok(await tile(page, 'points').locator('canvas').first().isVisible());
  const saved = async (entry) => {
    const [download] = await Promise.all([page.waitForEvent('download'), choose(page, 'rows', entry)]);
    const pieces = [];
    for await (const piece of await download.createReadStream()) pieces.push(piece);
    return { name: download.suggestedFilename(), bytes: Buffer.concat(pieces) };
  };
  const csv = await saved('Download CSV');
  const lines = csv.bytes.toString().split('\n');
  assert.deepEqual([csv.name, lines.length, lines[0], lines[100_000], lines[100_001]], ['many-rows.csv', 100_002, 'i,text', `99999,${last}`, '']);
  const parquet = await saved('Download Parquet');
  assert.equal(parquet.name, 'many-rows.parquet');
  assert.ok(parquet.bytes.length > 1 << 20);
  assert.deepEqual([parquet.bytes.subarray(0, 4).toString(), parquet.bytes.subarray(-4).toString()], ['PAR1', 'PAR1']);
  assert.doesNotMatch(await tile(page, 'rows').locator('.status').textContent(), /Not saved|Saving/);
});

scene('who signs out is out, with the back button too', '/inputs', async (page) => {
  await signIn(page);
  await Promise.all([page.waitForURL('**/login'), page.getByRole('button', { name: 'Sign out' }).click()]);
  await page.goBack();
  assert.match(path(page), /^\/login/);
  await page.goto(page.url().replace(/\/login.*/, '/charts'));
  assert.equal(path(page), '/login?to=%2Fcharts');
});

scene('a session that ends while a page is open is told on its tiles', '/inputs', async (page, _, context) => {
  await signIn(page);
  await context.clearCookies();
  await page.selectOption('[name=zone]', 'SoHo');
  await idle(page);
  assert.match(await tile(page, 'chosen').locator('.error').textContent(), /nobody is signed in.*load the page again/is);
  await page.reload();
  assert.equal(path(page), '/login?to=%2Finputs%3Fzone%3DSoHo');
});

scene('a page that one may not see is no page', '/secret', async (page) => {
  await fill(page, 'ann', 'correct horse');
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  assert.match(await page.textContent('main'), /There is no such page\s*Or it is not for you\. Choose one above\./);
  assert.ok(!(await page.content()).includes('For Bob'));
  await everyone(page, 'a page that is not for one');
  await page.setViewportSize({ width: 1100, height: 900 });
  await page.getByRole('link', { name: 'Inputs' }).click();
  await idle(page);
});

scene('a link lets in as whom it is for, and signs out', links.good, async (page) => {
  await page.waitForURL(/\/charts/);
  await idle(page);
  assert.deepEqual(await page.locator('nav a').allTextContents(), ['charts', 'Inputs', 'Many', 'Secret']);
  await page.getByRole('link', { name: 'Secret' }).click();
  await page.waitForURL(/\/secret/);
  await idle(page);
  assert.match(await tile(page, 'q').textContent(), /bob/);
});

for (const [what, link, words] of [
  ['an invitation that has expired', links.expired, 'The invitation has expired. Ask for another.'],
  ['an invitation that was revoked', links.revoked, 'The invitation was taken back. Ask for another.'],
  ['a link that is none', '/invite/x.y', 'It is no invitation to this site. Is it whole?'],
]) {
  scene(`${what} is refused with words`, link, async (page, _, context) => {
    assert.equal(await page.textContent('h1'), 'This link opens nothing');
    assert.ok((await page.textContent('main')).includes(words), words);
    assert.deepEqual(await context.cookies(), []);
    await everyone(page, what);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('Password').waitFor();
  });
}
