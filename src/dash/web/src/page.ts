// One dashboard: its inputs, its selects, its tiles, and which of them follow which.
import { Each } from './each.js';
import { estimates } from './estimates.js';
import { Inputs } from './inputs.js';
import { Options } from './options.js';
import { enhance } from './picker.js';
import { isSnapshot } from './snapshot.js';
import { isPutAway, tabs } from './tabs.js';
import type { Theme } from './theme.js';
import { Tile } from './tile.js';

export class Page {
  private inputs!: Inputs;
  private options: Options[] = [];
  private tiles: Tile[] = [];
  private loops: Each[] = [];
  /** Of what listens for as long as this is the page. */
  private mounted = new AbortController();

  constructor(
    private main: HTMLElement,
    readonly name: string,
    private readonly theme: Theme,
  ) {
    this.mount([], []);
    theme.onChange(() => this.all.forEach((tile) => tile.redraw()));
  }

  /** Also those of sections. */
  private get all(): Tile[] {
    return [...this.tiles, ...this.loops.flatMap(({ tiles }) => tiles)];
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
    const loops = this.loops.filter((loop) => {
      const next = templatesOf(main).find((template) => loop.isSameAs(template));
      if (next) loop.adopt(next);
      else loop.dispose();
      return next !== undefined;
    });
    const focus = document.activeElement instanceof HTMLElement ? document.activeElement.getAttribute('name') : null;
    const scroll = window.scrollY;
    this.inputs.dispose();
    this.mounted.abort();
    this.options.forEach((one) => one.dispose());
    this.main.replaceWith(main);
    this.main = main;
    this.mount(kept, loops);
    window.scrollTo({ top: scroll, behavior: 'instant' });
    if (focus) main.querySelector<HTMLElement>(`[name="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  /** Has each tile say what it may cost, while it waits. */
  async estimate(): Promise<void> {
    const known = await estimates(this.name);
    for (const tile of this.all) tile.estimate(known.get(tile.figure.dataset['query'] ?? ''));
  }

  private mount(kept: Tile[], loops: Each[]): void {
    this.mounted = new AbortController();
    tabs(this.main, (panel) => this.shown(panel), this.mounted.signal);
    this.inputs = new Inputs(this.main, (names) => this.changed(names));
    const selects = [...this.main.querySelectorAll<HTMLSelectElement>('select')];
    if (!isSnapshot()) selects.filter((select) => select.multiple).forEach(enhance);
    this.options = selects
      .filter((select) => select.dataset['query'] !== undefined)
      .map((select) => new Options(this.name, select, this.inputs));
    this.tiles = tilesOf(this.main).map((figure) => {
      const old = kept.find((tile) => tile.figure === figure);
      if (old) old.inputs = this.inputs;
      return old ?? new Tile(this.name, figure, this.inputs, this.theme);
    });
    this.loops = templatesOf(this.main).map((template) => {
      const old = loops.find((loop) => loop.template === template);
      old?.follow(this.inputs);
      return old ?? new Each(this.name, template, this.inputs, this.theme, (part) => this.shown(part));
    });
    for (const one of this.options) void one.load();
    this.shown(this.main);
  }

  /** What is seen now, and was not asked for yet, or with other values. */
  private shown(part: HTMLElement): void {
    for (const loop of this.loops) if (part.contains(loop.template) && !isPutAway(loop.template) && loop.isStale) void loop.load();
    for (const tile of this.all) {
      if (!part.contains(tile.figure)) continue;
      if (isPutAway(tile.figure)) tile.wait();
      else if (tile.isStale) void tile.load();
      else tile.redraw();
    }
  }

  private changed(names: ReadonlySet<string>): void {
    for (const one of this.options) if (one.isTouchedBy(names)) void one.load();
    for (const loop of this.loops) if (loop.isTouchedBy(names) && !isPutAway(loop.template)) void loop.load();
    for (const tile of this.all) {
      if (isPutAway(tile.figure)) continue; // it asks when it is shown
      if (tile.isTouchedBy(names)) void tile.load();
      else if (tile.isFilterOf(names)) tile.redraw();
    }
  }
}

function tilesOf(main: HTMLElement): HTMLElement[] {
  return [...main.querySelectorAll<HTMLElement>('figure.tile')].filter((figure) => !figure.closest('.sections'));
}

function templatesOf(main: HTMLElement): HTMLTemplateElement[] {
  return [...main.querySelectorAll<HTMLTemplateElement>('template.each')];
}
