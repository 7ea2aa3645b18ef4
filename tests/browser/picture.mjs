// Pictures of charts, held against those that are checked in. Both are made small and soft before: an edge that another Chromium
// draws a pixel beside is the same picture, a bar that is missing or of another colour is not.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { elsewhere } from './browser.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'pictures');
/** Pixels of a picture's width that are one after it was made small. */
const COARSE = 8;
/** Of 255, the mean of how far the points of two pictures that are the same may be from one another, and the most that a point may be. */
export const MEAN = 1.5;
export const MOST = 40;

/** The pictures, made small and soft: `width`, and the values of all points. */
export function soft(...pictures) {
  return elsewhere(
    async ({ pictures, coarse }) => {
      const small = async (data) => {
        const image = new Image();
        image.src = `data:image/png;base64,${data}`;
        await image.decode();
        const canvas = new OffscreenCanvas(Math.ceil(image.width / coarse), Math.ceil(image.height / coarse));
        const context = canvas.getContext('2d', { willReadFrequently: true });
        context.imageSmoothingQuality = 'high';
        context.filter = 'blur(0.7px)';
        context.drawImage(image, 0, 0, canvas.width, canvas.height);
        return { width: canvas.width, values: [...context.getImageData(0, 0, canvas.width, canvas.height).data] };
      };
      return Promise.all(pictures.map(small));
    },
    { pictures: pictures.map((picture) => picture.toString('base64')), coarse: COARSE },
  );
}

/** How far two soft pictures are from one another: the mean, and the most of any point. */
export function distance(one, other) {
  if (one.width !== other.width || one.values.length !== other.values.length) return { mean: Infinity, most: Infinity };
  const apart = one.values.map((value, at) => Math.abs(value - other.values[at]));
  return { mean: apart.reduce((sum, value) => sum + value, 0) / (apart.length * 0.75), most: Math.max(...apart) }; // all are opaque
}

export function isSame(one, other) {
  const { mean, most } = distance(one, other);
  return mean <= MEAN && most <= MOST;
}

/** Holds the picture against the checked in one of that name; `QUACK_TEST_PICTURES=write` has it checked in. Gives the soft one. */
export async function looksLike(name, picture) {
  const path = join(folder, `${name}.png`);
  if (process.env.QUACK_TEST_PICTURES === 'write') writeFileSync(path, picture);
  assert.ok(existsSync(path), `there is no ${path}`);
  const [now, wanted] = await soft(picture, readFileSync(path));
  const apart = distance(now, wanted);
  if (!isSame(now, wanted)) {
    const seen = join(process.env.TMPDIR ?? '/tmp', `quackctl-${name}.png`);
    writeFileSync(seen, picture);
    assert.fail(`${seen} is not as ${path}: ${JSON.stringify(apart)}`);
  }
  return now;
}
