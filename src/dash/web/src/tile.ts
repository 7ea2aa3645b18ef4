// A tile: asks for its rows, draws them, and says how that went.
import { prepare } from './charts/draw.js';
import { apiUrl, fetchResult, type Result } from './data.js';
import { debounce, el, words } from './dom.js';
import { errorView } from './error.js';
import { usd } from './format.js';
import { follows, type Values } from './inputs.js';
import { Menu, type MenuItem } from './menu.js';
import { savePng } from './png.js';
import { download } from './save.js';
import { isSnapshot } from './snapshot.js';
import { statusLine } from './status.js';
import type { Theme } from './theme.js';
import { View } from './view.js';

export class Tile {
  private readonly names: string[];
  private readonly caption: HTMLElement;
  private readonly status = el('p', { class: 'status', 'aria-live': 'polite' }, 'Loading…');
  private readonly menu: Menu;
  private readonly view: View;
  private request: AbortController | null = null;
  private result: Result | null = null;
  private asTable = false;
  private asked = '';
  /** US dollars at most, where that is known before. */
  private most: number | undefined;
  private title: string;
  private readonly resized: ResizeObserver;

  constructor(
    private readonly page: string,
    readonly figure: HTMLElement,
    public inputs: Values,
    theme: Theme,
  ) {
    this.names = words(figure.dataset['inputs']);
    this.caption = figure.querySelector('figcaption') ?? el('figcaption');
    const box = figure.querySelector<HTMLElement>('.chart') ?? figure.appendChild(el('div', { class: 'chart' }));
    this.title = titleOf(this.caption, figure);
    this.view = new View(box, figure, () => this.title, theme, () => this.inputs);
    this.menu = new Menu(this.title);
    this.addHelp(this.view.options.help);
    figure.append(el('div', { class: 'foot' }, this.status, this.menu.element));
    let width = box.clientWidth;
    const redraw = debounce(80, () => this.redraw());
    this.resized = new ResizeObserver(() => {
      if (box.clientWidth === width || box.clientWidth === 0) return; // of a tab that is put away
      width = box.clientWidth;
      redraw();
    });
    this.resized.observe(box);
  }

  /**
   * Whether a tile that was kept, or is shown again, asks: when it never did, when its inputs have other values, when it failed, and
   * when the server gave no `data-digest`, which alone tells that the SQL is the same.
   */
  get isStale(): boolean {
    return this.figure.dataset['digest'] === undefined || this.asked !== this.url('');
  }

  /** Nobody sees it: it asks when somebody does. */
  wait(): void {
    if (this.asked === '') this.figure.setAttribute('aria-busy', 'false');
  }

  isTouchedBy(changed: ReadonlySet<string>): boolean {
    return [...changed].some((name) => follows(this.names, name));
  }

  /** Whether a click here sets one of these inputs: its choice is then shown on the chart. */
  isFilterOf(changed: ReadonlySet<string>): boolean {
    return changed.has(this.view.options.filter ?? '');
  }

  async load(): Promise<void> {
    this.request?.abort();
    const { signal } = (this.request = new AbortController());
    this.figure.setAttribute('aria-busy', 'true');
    this.asked = this.url('');
    this.say();
    try {
      const rows = fetchResult({ query: this.query, section: this.figure.dataset['section'] }, this.asked, signal, () => {
        if (!signal.aborted) this.say('Loading… The query runs already.');
      });
      const [result, shapes] = await Promise.all([rows, prepare(this.view.kind, this.figure.dataset['shapes'])]);
      if (signal.aborted) return; // a newer request has the tile
      this.result = result;
      this.view.shapes = shapes;
      this.draw();
    } catch (error) {
      if (signal.aborted) return;
      this.result = null;
      this.asked = '';
      this.fail(error);
    }
    this.figure.setAttribute('aria-busy', 'false');
  }

  /** What it costs at most to ask. */
  estimate(most: number | undefined): void {
    this.most = most;
    if (this.figure.getAttribute('aria-busy') === 'true') this.say();
  }

  private say(words = this.most === undefined ? 'Loading…' : `Loading… up to ${usd(String(this.most))}`): void {
    this.status.textContent = words;
  }

  /** The same rows, in other colours, at another width, or with another choice. */
  redraw(): void {
    if (this.result) this.draw();
  }

  isSameAs(next: HTMLElement): boolean {
    const [a, b] = [this.figure.dataset, next.dataset];
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return next.matches('figure.tile') && [...names].every((name) => a[name] === b[name]);
  }

  /** Takes the place of a tile that is the same but for its text. */
  adopt(next: HTMLElement): void {
    const caption = next.querySelector('figcaption');
    const help = this.caption.querySelector('.help');
    this.title = titleOf(caption, next);
    this.menu.title = this.title;
    this.caption.replaceChildren(...(caption?.childNodes ?? []), ...(help ? [help] : []));
    if (this.caption.hasChildNodes()) this.figure.prepend(this.caption);
    else this.caption.remove();
    next.replaceWith(this.figure);
  }

  dispose(): void {
    this.request?.abort();
    this.resized.disconnect();
    this.view.dispose();
  }

  private get query(): string {
    return this.figure.dataset['query'] ?? '';
  }

  private url(suffix: '' | '.csv' | '.parquet'): string {
    return apiUrl(this.page, this.query, suffix, this.inputs.params(this.names));
  }

  private draw(): void {
    const { result } = this;
    if (!result) return;
    try {
      const notes = this.view.show(result, this.asTable);
      this.status.replaceChildren(...statusLine(result, notes));
      this.menu.show(this.items());
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    // Without a title nothing else says which one it is.
    const name = this.caption.isConnected ? null : this.title;
    this.view.replace(errorView(error, name, () => void this.load()));
    this.status.textContent = 'Failed';
    this.menu.show([]);
  }

  private items(): MenuItem[] {
    const items: MenuItem[] = [];
    if (!isSnapshot()) {
      items.push({ label: 'Download CSV', run: () => void this.save('csv') });
      items.push({ label: 'Download Parquet', run: () => void this.save('parquet') });
    }
    const chart = this.view.chart;
    if (chart) items.push({ label: 'Save as PNG', run: () => savePng(chart, this.title, this.view.drawing, this.view.colors) });
    if (this.view.kind !== 'table') {
      items.push({
        label: this.asTable ? 'Show as chart' : 'Show as table',
        run: () => {
          this.asTable = !this.asTable;
          this.draw();
          this.menu.element.querySelector('summary')?.focus();
        },
      });
    }
    return items;
  }

  private async save(ending: 'csv' | 'parquet'): Promise<void> {
    const before = [...this.status.childNodes];
    const note = el('span', {}, ' · Saving…');
    this.status.append(note);
    let failed: string | null = null;
    try {
      await download(this.url(`.${ending}`), `${this.page}-${this.query}.${ending}`);
    } catch (error) {
      failed = error instanceof Error ? error.message : String(error);
    }
    if (!note.isConnected) return; // other rows came meanwhile
    this.status.replaceChildren(...before, ...(failed === null ? [] : [' · ', el('span', { class: 'warning' }, `Not saved: ${failed}`)]));
  }

  private addHelp(text: string | undefined): void {
    if (!text) return;
    const id = `${this.figure.id}-help`;
    const note = el('p', { class: 'helptext', id, hidden: true }, text);
    const button = el('button', { type: 'button', class: 'help', 'aria-label': 'Help', 'aria-expanded': 'false', 'aria-controls': id }, '?');
    button.addEventListener('click', () => {
      note.hidden = !note.hidden;
      button.setAttribute('aria-expanded', String(!note.hidden));
    });
    this.caption.append(button);
    this.figure.prepend(this.caption);
    this.caption.after(note);
  }
}

function titleOf(caption: HTMLElement | null, figure: HTMLElement): string {
  const title = caption?.textContent?.trim() || (figure.dataset['query'] ?? 'Tile');
  const row = figure.dataset['row']; // the section's
  return row === undefined ? title : `${title}: ${row}`;
}
