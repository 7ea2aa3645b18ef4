// Colours that names keep: of what is shown together no two have the same, as far as there are colours, and a name that goes, as a
// filter has it, and comes again is what it was.
import { NAMES } from './spec.js';

export class Palette {
  private readonly known = new Map<string, number>();

  /** The colours of names that are shown together, by their numbers; those that are new take one that nobody had, if there is one. */
  of(names: readonly string[], colors: number): Map<string, number> {
    const given = new Map<string, number>();
    const taken = new Set<number>();
    const take = (name: string, color: number) => {
      given.set(name, color);
      taken.add(color);
    };
    const own = [...names].sort((a, b) => this.age(a) - this.age(b) || NAMES.compare(a, b));
    const others: string[] = [];
    for (const name of own) {
      const color = this.known.get(name);
      if (color !== undefined && !taken.has(color)) take(name, color);
      else others.push(name);
    }
    const all = Array.from({ length: colors }, (_, color) => color);
    const had = new Set(this.known.values());
    for (const name of others) {
      const color = all.find((one) => !taken.has(one) && !had.has(one)) ?? all.find((one) => !taken.has(one)) ?? given.size % colors;
      take(name, color);
      if (!this.known.has(name)) this.known.set(name, color);
      had.add(color);
    }
    return given;
  }

  /** Those that were there first keep theirs. */
  private age(name: string): number {
    const at = [...this.known.keys()].indexOf(name);
    return at < 0 ? Infinity : at;
  }
}

const palettes = new Map<string, Palette>();

/** Of the values of a column of that name, wherever on the page: a zone has one colour in all pies. */
export function paletteOf(column: string): Palette {
  let palette = palettes.get(column);
  if (!palette) palettes.set(column, (palette = new Palette()));
  return palette;
}
