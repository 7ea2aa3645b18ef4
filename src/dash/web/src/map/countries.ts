// The countries of the world, and what they may be called in data: names, and ISO 3166's codes.
import type { Feature, MultiPolygon, Polygon } from 'geojson';
import codes from 'i18n-iso-countries/codes.json';
import english from 'i18n-iso-countries/langs/en.json';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import atlas from 'world-atlas/countries-110m.json';

export type Shape = Feature<Polygon | MultiPolygon, { name: string }>;

/** Nobody looks for it, and it takes a fifth of the picture. */
const ANTARCTICA = '010';

const world = atlas as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;

/** Natural Earth's, 1 to 110,000,000. */
export const SHAPES: Shape[] = (feature(world, world.objects.countries).features as Shape[]).filter(({ id }) => id !== ANTARCTICA);

const places = new Map<string, number>();

/** Letters alone, without accents: `Côte d'Ivoire` is `cotedivoire`. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/^the /, '')
    .replace(/&/g, 'and')
    .replace(/[^\p{L}\p{N}]/gu, '');
}

function fill(): void {
  const byNumber = new Map(SHAPES.map(({ id }, place) => [String(id), place]));
  SHAPES.forEach(({ properties }, place) => places.set(plain(properties.name), place));
  const names = english.countries as unknown as Record<string, string | string[]>;
  for (const [two, three, number] of codes as string[][]) {
    const place = byNumber.get(number ?? '');
    if (place === undefined) continue;
    const spoken = [names[two ?? ''] ?? []].flat();
    for (const word of [two, three, number, String(Number(number)), ...spoken]) if (word) places.set(plain(word), place);
  }
}

/** The place in `SHAPES` of a country by its name in English or its code of two or three letters or digits. */
export function countryOf(name: string): number | undefined {
  if (places.size === 0) fill();
  return places.get(plain(name));
}
