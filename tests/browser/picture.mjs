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

/** How far two pictures are from one another: the mean, and the most of any point. */
export async function distance(one, other) {
  return elsewhere(
    async ({ pictures, coarse }) => {
      const small = async (data) => {
        const image = new Image();
        image.src = `data:image/png;base64,${data}`;
        await image.decode();
        const canvas = new OffscreenCanvas(Math.ceil(image.width / coarse), Math.ceil(image.height / coarse));
        const context = canvas.getContext('2d');
        context.imageSmoothingQuality = 'high';
        context.filter = 'blur(0.7px)';
        context.drawImage(image, 0, 0, canvas.width, canvas.height);
        return context.getImageData(0, 0, canvas.width, canvas.height);
      };
      const [a, b] = await Promise.all(pictures.map(small));
      if (a.width !== b.width || a.height !== b.height) return { mean: Infinity, most: Infinity };
      let [sum, most] = [0, 0];
      a.data.forEach((value, at) => {
        const apart = Math.abs(value - b.data[at]);
        sum += apart;
        most = Math.max(most, apart);
      });
      return { mean: sum / (a.data.length * 0.75), most }; // all are opaque
    },
    { pictures: [one, other].map((picture) => picture.toString('base64')), coarse: COARSE },
  );
}

export const isSame = ({ mean, most }) => mean <= MEAN && most <= MOST;

/** Holds the picture against the checked in one of that name; `QUACK_TEST_PICTURES=write` has it checked in. */
export async function looksLike(name, picture) {
  const path = join(folder, `${name}.png`);
  if (process.env.QUACK_TEST_PICTURES === 'write') writeFileSync(path, picture);
  assert.ok(existsSync(path), `there is no ${path}`);
  const apart = await distance(picture, readFileSync(path));
  if (!isSame(apart)) {
    const seen = join(process.env.TMPDIR ?? '/tmp', `quackctl-${name}.png`);
    writeFileSync(seen, picture);
    assert.fail(`${seen} is not as ${path}: ${JSON.stringify(apart)}`);
  }
  return apart;
}
