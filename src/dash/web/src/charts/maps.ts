// The part of the script that pages with a map load besides.
import type { Result } from '../data.js';
import type { Drawing, Surroundings } from './chart.js';
import type { Options } from './spec.js';

export interface Maps {
  map(result: Result, options: Options, around: Surroundings): Drawing;
}

declare global {
  /** There once the script is. */
  var quackMaps: Maps | undefined;
}

let coming: Promise<unknown> | null = null;

/** Loads it, once; the page says where it is. */
export async function load(): Promise<void> {
  if (globalThis.quackMaps) return;
  const address = document.body.dataset['maps'] ?? '/assets/map.js';
  coming ??= import(address);
  try {
    await coming;
  } catch (error) {
    coming = null; // the next tile tries again
    throw error;
  }
}

export function map(result: Result, options: Options, around: Surroundings): Drawing {
  if (!globalThis.quackMaps) throw new Error('a map that is drawn before its script is there');
  return globalThis.quackMaps.map(result, options, around);
}
