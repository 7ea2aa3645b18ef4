// One function for all that is drawn on a canvas.
import type { Result } from '../data.js';
import type { Drawing, Surroundings } from './chart.js';
import { heatmap } from './heatmap.js';
import { histogram } from './histogram.js';
import { load, map } from './maps.js';
import { pie } from './pie.js';
import { shapesAt, type Shapes } from './shapes.js';
import type { ChartKind, Options } from './spec.js';
import { xy } from './xy.js';

export type CanvasKind = Exclude<ChartKind, 'table' | 'value'>;

export function draw(kind: CanvasKind, result: Result, options: Options, around: Surroundings): Drawing {
  switch (kind) {
    case 'pie':
      return pie(result, options, around);
    case 'heatmap':
      return heatmap(result, options, around);
    case 'map':
      return map(result, options, around);
    case 'histogram':
      return histogram(result, options, around);
    default:
      return xy(kind, result, options, around);
  }
}

/** Loads what such a chart is drawn with, if it is not there yet: of a map that has its own, the shapes at this address. */
export async function prepare(kind: ChartKind | null, shapes: string | undefined): Promise<Shapes | null> {
  if (kind !== 'map') return null;
  const [given] = await Promise.all([shapes === undefined ? null : shapesAt(shapes), load()]);
  return given;
}
