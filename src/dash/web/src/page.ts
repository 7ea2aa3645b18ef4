// One dashboard: its inputs, its selects, its tiles, and which of them follow which.
import { estimates } from './estimates.js';
import { Inputs } from './inputs.js';
import { Options } from './options.js';
import { enhance } from './picker.js';
import type { Theme } from './theme.js';
import { Tile } from './tile.js';

export class Page {
  private inputs!: Inputs;
  private options: Options[] = [];
  private tiles: Tile[] = [];

  constructor(
    private main: HTMLElement,
    readonly name: string,
    private readonly theme: Theme,
  ) {
    this.mount([]);
    theme.onChange(() => this.tiles.forEach((tile) => tile.redraw()));
  }

  /** Puts a page that was fetched again in place. Tiles of which no data-* attribute changed keep their chart. */
  replace(main: HTMLElement): void {
    const kept: Tile[] = [];
    const figures = tilesOf(main);
    for (const tile of this.tiles) {
      const next = figures.find((figure) => figure.id === tile.figure.id);
      if (next && tile.isSameAs(next)) {
        tile.adopt(next);
        kept.push(tile);
      } else tile.dispose();
    }
    const focus = document.activeElement instanceof HTMLElement ? document.activeElement.getAttribute('name') : null;
    const scroll = window.scrollY;
    this.inputs.dispose();
    this.options.forEach((one) => one.dispose());
    this.main.replaceWith(main);
    this.main = main;
    this.mount(kept);
    window.scrollTo({ top: scroll, behavior: 'instant' });
    if (focus) main.querySelector<HTMLElement>(`[name="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  /** Has each tile say what it may cost, while it waits. */
  async estimate(): Promise<void> {
    const known = await estimates(this.name);
    for (const tile of this.tiles) tile.estimate(known.get(tile.figure.dataset['query'] ?? ''));
  }

  private mount(kept: Tile[]): void {
    this.inputs = new Inputs(this.main, (names) => this.changed(names));
    const selects = [...this.main.querySelectorAll<HTMLSelectElement>('select')];
    selects.filter((select) => select.multiple).forEach(enhance);
    this.options = selects
      .filter((select) => select.dataset['query'] !== undefined)
      .map((select) => new Options(this.name, select, this.inputs));
    this.tiles = tilesOf(this.main).map((figure) => {
      const old = kept.find((tile) => tile.figure === figure);
      if (old) old.inputs = this.inputs;
      return old ?? new Tile(this.name, figure, this.inputs, this.theme);
    });
    for (const one of this.options) void one.load();
    for (const tile of this.tiles) {
      if (!kept.includes(tile) || tile.isStale) void tile.load();
      else tile.redraw();
    }
  }

  private changed(names: ReadonlySet<string>): void {
    for (const one of this.options) if (one.isTouchedBy(names)) void one.load();
    for (const tile of this.tiles) {
      if (tile.isTouchedBy(names)) void tile.load();
      else if (tile.isFilterOf(names)) tile.redraw();
    }
  }
}

function tilesOf(main: HTMLElement): HTMLElement[] {
  return [...main.querySelectorAll<HTMLElement>('figure.tile')];
}
