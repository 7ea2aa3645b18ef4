// Maps: countries by any of their names, points where they are, and nothing loaded for them on pages without.
import assert from 'node:assert/strict';
import { choose, idle, scene, tile, usable } from './browser.mjs';
import { isSame, looksLike, soft } from './picture.mjs';

const KINDS = ['countries', 'places', 'small', 'one'];

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

scene('a page without maps loads nothing for them', '/charts', async (page) => {
  const loaded = () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((path) => path.startsWith('/assets/')));
  assert.ok(!(await loaded()).includes('/assets/map.js'));
  await page.goto(new URL('/maps', page.url()).href);
  await idle(page);
  assert.ok((await loaded()).includes('/assets/map.js'));
});
