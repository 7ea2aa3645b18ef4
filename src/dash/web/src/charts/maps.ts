// The part of the script that pages with a map load besides.
import type { Result } from '../data.js';
import type { Drawing, Surroundings } from './chart.js';
import type { Options } from './spec.js';

interface Maps {
  map(result: Result, options: Options, around: Surroundings): Drawing;
}

let maps: Maps | null = null;
let coming: Promise<Maps> | null = null;

/** Loads it, once; the page's head says where it is. */
export async function load(): Promise<void> {
  const address = document.body.dataset['maps'] ?? '/assets/map.js';
  coming ??= import(address) as Promise<Maps>;
  try {
    maps = await coming;
  } catch (error) {
    coming = null; // the next tile tries again
    throw error;
  }
}

export function map(result: Result, options: Options, around: Surroundings): Drawing {
  if (!maps) throw new Error('a map that is drawn before its script is there');
  return maps.map(result, options, around);
}
