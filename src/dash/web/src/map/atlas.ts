// The shapes that a map has, and which of them a row is about: the world's countries, or the page's own.
import type { Feature, MultiPolygon, Polygon } from 'geojson';
import type { Shapes } from '../charts/shapes.js';
import { countryOf, SHAPES } from './countries.js';

type Shape = Feature<Polygon | MultiPolygon, { name?: string }>;

export interface Atlas {
  shapes: Shape[];
  /** They are the page's own: all of them are to be seen. */
  isGiven: boolean;
  /** The place in `shapes` of what a row names. */
  find(name: string): number | undefined;
  nameOf(shape: Shape): string;
  /** What they are, and what a name is that is none of them, or several. */
  what: string;
  nothing: [string, string];
}

const COUNTRIES: Atlas = {
  shapes: SHAPES,
  isGiven: false,
  find: countryOf,
  nameOf: ({ properties }) => properties.name ?? '',
  what: 'countries',
  nothing: ['is no country', 'are no country'],
};

export function atlasOf(given: Shapes | null | undefined): Atlas {
  if (!given) return COUNTRIES;
  const shapes: Shape[] = given.features;
  const places = new Map(shapes.map(({ id }, place) => [String(id), place]));
  return {
    shapes,
    isGiven: true,
    find: (name) => places.get(name),
    nameOf: ({ id, properties }) => properties.name ?? String(id ?? ''),
    what: 'shapes',
    nothing: ['has no shape', 'have no shape'],
  };
}
