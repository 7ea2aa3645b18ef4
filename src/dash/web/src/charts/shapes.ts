// The shapes that a page gives to a map, instead of countries: the server wrote them, and only who may see the page gets them.
import type { FeatureCollection, MultiPolygon } from 'geojson';
import { fetchWhole } from '../answer.js';
import { keptShapes } from '../snapshot.js';

/** `id` is what rows name them by; shapes under points have none. */
export type Shapes = FeatureCollection<MultiPolygon, { name?: string }>;

/** Files that are held on to, for the next tile that has the same. */
const MOST = 8;

const coming = new Map<string, Promise<Shapes>>();

export function shapesAt(address: string): Promise<Shapes> {
  const known = coming.get(address);
  if (known) return known;
  const shapes = read(address);
  if (coming.size >= MOST) coming.clear();
  coming.set(address, shapes);
  shapes.catch(() => coming.delete(address)); // the next tile tries again
  return shapes;
}

async function read(address: string): Promise<Shapes> {
  const bytes = keptShapes(address) ?? (await fetchWhole(address, new AbortController().signal)).bytes;
  return JSON.parse(new TextDecoder().decode(bytes)) as Shapes;
}
