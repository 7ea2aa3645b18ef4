// Maps: countries by any of their names, points where they are, and nothing loaded for them on pages without.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { choose, file, idle, scene, tile, usable } from './browser.mjs';
import { isSame, looksLike, soft } from './picture.mjs';

const KINDS = ['countries', 'places', 'small', 'one', 'zones', 'stops'];

scene('maps are drawn as they were', '/maps', async (page) => {
  const pictures = [];
  for (const name of KINDS) {
    const canvas = tile(page, name).locator('.canvas');
    await canvas.scrollIntoViewIfNeeded();
    pictures.push([name, await looksLike(`map_${name}`, await canvas.screenshot())]);
  }
  await page.evaluate(() => { for (const canvas of document.querySelectorAll('canvas')) canvas.width = canvas.width; });
  for (const [name, picture] of pictures) {
    const [empty] = await soft(await tile(page, name).locator('.canvas').screenshot());
    assert.ok(!isSame(picture, empty), `${name} is as an empty one`);
  }
});

scene('a map tells its names, and which it does not know', '/maps', async (page) => {
  assert.match(await tile(page, 'countries').locator('.status').textContent(), /2 names are no country: "Atlantis", "constructor"/);
  assert.match(await tile(page, 'places').locator('.status').textContent(), /1 row lies nowhere on earth/);
  assert.match(await tile(page, 'none').textContent(), /1 name is no country: "Atlantis"/);
  assert.deepEqual(await tile(page, 'countries').locator('.scale').allTextContents(), ['18M333M']);
  const canvas = tile(page, 'places').locator('.canvas');
  await canvas.scrollIntoViewIfNeeded();
  const { width, height } = await canvas.boundingBox();
  const told = [];
  for (const [x, y] of [[0.906, 0.332], [0.094, 0.608], [0.152, 0.057], [0.724, 0.945]]) {
    await canvas.hover({ position: { x: width * x, y: height * y } });
    told.push(...(await canvas.locator('.tip b').allTextContents()));
  }
  assert.deepEqual(told, ['JFK', 'LAX', 'SEA', '<img src=x onerror=alert(1)>']);
  await tile(page, 'places').getByRole('button', { name: 'west' }).click();
  const [saved] = await Promise.all([page.waitForEvent('download'), choose(page, 'places', 'Save as PNG')]);
  assert.equal(saved.suggestedFilename(), 'Places.png');
  const world = tile(page, 'countries').locator('.canvas');
  await world.scrollIntoViewIfNeeded();
  const shape = await world.boundingBox();
  await world.click({ position: { x: shape.width * 0.43, y: shape.height * 0.3 } });
  assert.equal(new URL(page.url()).searchParams.get('one'), 'United States');
  await choose(page, 'countries', 'Show as table');
  assert.equal(await tile(page, 'countries').locator('tbody tr').count(), 10);
  await usable(page, 'maps');
});

scene('a map has the shapes of its page, each called as its file has it', '/maps', async (page) => {
  assert.match(await tile(page, 'zones').locator('.status').textContent(), /2 names have no shape: "9", "constructor"/);
  const canvas = tile(page, 'zones').locator('.canvas');
  await canvas.scrollIntoViewIfNeeded();
  const { width, height } = await canvas.boundingBox();
  const told = [];
  const at = (x, y) => ({ position: { x: width / 2 + x * height, y: height * y } });
  for (const [x, y] of [[-0.24, 0.31], [-0.32, 0.78], [0.055, 0.82], [0.28, 0.35]]) {
    await canvas.hover(at(x, y));
    told.push((await canvas.locator('.tip').allTextContents()).join());
  }
  assert.deepEqual(told, ['Northzone1n10', '<img src=x onerror=alert(3)>zone2n20', 'Islandszone3n30', 'Pale']);
  await canvas.hover(at(-0.125, 0.31)); // a hole
  await canvas.locator('.tip').waitFor({ state: 'hidden' });
  await canvas.click(at(-0.32, 0.78));
  assert.equal(new URL(page.url()).searchParams.get('one'), '2');
  // What a file has besides is not handed out.
  const address = await tile(page, 'zones').getAttribute('data-shapes');
  const shapes = await page.evaluate(async (path) => (await fetch(path)).text(), address);
  assert.ok(shapes.includes('"id":"__proto__"') && !shapes.includes('secret') && !shapes.includes('5.5'), shapes);
});

scene('shapes that are saved are drawn, and a mistake in their file is told over what was there', '/maps', async (page) => {
  const path = file('maps').replace('maps.md', 'zones.geojson');
  const before = readFileSync(path, 'utf8');
  const address = () => tile(page, 'zones').getAttribute('data-shapes');
  const first = await address();
  try {
    writeFileSync(path, before.replace('"zone": 1,', '"zone": 9,'));
    await tile(page, 'zones').locator('.status').filter({ hasText: '2 names have no shape: "1", "constructor"' }).waitFor();
    assert.notEqual(await address(), first);
    const gone = await page.evaluate(async (old) => { const got = await fetch(old); return [got.status, await got.text()]; }, first);
    assert.ok(gone[0] === 404 && gone[1].includes('other ones by now'), gone.join());
    writeFileSync(path, before.replace('[-74.0, 40.75]', '[913175.1, 120121.9]'));
    await page.locator('.banner').waitFor();
    assert.match(await page.textContent('.banner'), /maps\.md:\d+: `zones`: `dashboards\/zones\.geojson` has a mistake: feature 1 lies at \[913175\.1, .*EPSG:4326/);
    assert.ok(await tile(page, 'zones').locator('canvas').isVisible());
  } finally {
    writeFileSync(path, before);
  }
  await page.locator('.banner').waitFor({ state: 'detached' });
  await idle(page);
  assert.equal(await address(), first);
});

scene('the editor draws a map with its shapes, and keeps what its fence says', '/edit?page=maps&query=zones', async (page) => {
  const before = readFileSync(file('maps'), 'utf8');
  await page.getByRole('button', { name: 'Run' }).click();
  await page.locator('#tile-preview canvas').waitFor();
  const field = (name) => page.locator(`#editor [name="${name}"]`);
  assert.deepEqual([await field('shapes').inputValue(), await field('key').inputValue()], ['zones.geojson', 'zone']);
  await field('key').fill('zon');
  await page.locator('#tile-preview .error').waitFor();
  assert.match(await page.textContent('#tile-preview .error'), /no property `zon` that rows could name: did you mean key=zone\?/);
  await field('key').fill('zone');
  await page.locator('#tile-preview canvas').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.buttons .status').filter({ hasText: 'Saved' }).waitFor();
  assert.equal(readFileSync(file('maps'), 'utf8'), before);
});

scene('a page without maps loads nothing for them', '/charts', async (page) => {
  const loaded = () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((path) => path.startsWith('/assets/')));
  assert.ok(!(await loaded()).includes('/assets/map.js'));
  await page.goto(new URL('/maps', page.url()).href);
  await idle(page);
  assert.ok((await loaded()).includes('/assets/map.js'));
});
