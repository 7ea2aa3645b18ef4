// Sections from a loop: one for each row of a query, made of a <template>. The first column of the row is a value that the section
// shows, and that its tiles are asked with.
import { apiUrl, fetchResult, type Result } from './data.js';
import { el, oneLine, words } from './dom.js';
import { errorView } from './error.js';
import { count, NULL } from './format.js';
import { follows, type Inputs } from './inputs.js';
import { MOST, rowsOf, withRow } from './row.js';
import type { Theme } from './theme.js';
import { Tile } from './tile.js';

interface Section {
  element: HTMLElement;
  tiles: Tile[];
}

export class Each {
  readonly element = el('div', { class: 'sections' });
  private readonly variable: string;
  private readonly names: string[];
  private readonly sections = new Map<string | null, Section>();
  private request: AbortController | null = null;
  private asked = '';
  private made = 0;

  constructor(
    private readonly page: string,
    readonly template: HTMLTemplateElement,
    private inputs: Inputs,
    private readonly theme: Theme,
    private readonly shown: (part: HTMLElement) => void,
  ) {
    this.variable = template.dataset['each'] ?? '';
    this.names = words(template.dataset['inputs']);
    template.after(this.element);
  }

  get tiles(): Tile[] {
    return [...this.sections.values()].flatMap(({ tiles }) => tiles);
  }

  get isStale(): boolean {
    return this.asked !== this.url();
  }

  isTouchedBy(changed: ReadonlySet<string>): boolean {
    return [...changed].some((name) => follows(this.names, name));
  }

  /** Whether it would make the same sections. */
  isSameAs(next: HTMLTemplateElement): boolean {
    return this.template.outerHTML === next.outerHTML;
  }

  /** Takes the place of a loop that is the same. */
  adopt(next: HTMLTemplateElement): void {
    next.replaceWith(this.template, this.element);
  }

  follow(inputs: Inputs): void {
    this.inputs = inputs;
    for (const [value, { tiles }] of this.sections) for (const tile of tiles) tile.inputs = withRow(inputs, this.variable, value);
  }

  async load(): Promise<void> {
    this.request?.abort();
    const { signal } = (this.request = new AbortController());
    this.element.setAttribute('aria-busy', 'true');
    this.asked = this.url();
    try {
      const result = await fetchResult({ query: this.template.dataset['query'] ?? '' }, this.asked, signal);
      if (signal.aborted) return;
      this.fill(result);
    } catch (error) {
      if (signal.aborted) return;
      this.asked = '';
      this.keep([]);
      this.element.replaceChildren(errorView(error, this.template.dataset['query'] ?? null, () => void this.load()));
    }
    this.element.setAttribute('aria-busy', 'false');
  }

  dispose(): void {
    this.request?.abort();
    this.keep([]);
    this.element.remove();
  }

  private url(): string {
    return apiUrl(this.page, this.template.dataset['query'] ?? '', '', this.inputs.params(this.names));
  }

  private fill(result: Result): void {
    const { values, more } = result.columns[0] ? rowsOf(result.columns[0]) : { values: [], more: 0 };
    this.keep(values);
    const sections = values.map((value) => this.sections.get(value) ?? this.section(value));
    const note = more > 0 ? `The first ${MOST} of ${count(MOST + more)} sections` : values.length === 0 ? 'No rows, and so no sections' : null;
    this.element.replaceChildren(...sections.map(({ element }) => element), ...(note === null ? [] : [el('p', { class: 'note', role: 'status' }, note)]));
    this.inputs.showOutputs();
    this.shown(this.element);
  }

  /** Forgets the sections of other rows. */
  private keep(values: (string | null)[]): void {
    for (const [value, { element, tiles }] of this.sections) {
      if (values.includes(value)) continue;
      tiles.forEach((tile) => tile.dispose());
      element.remove();
      this.sections.delete(value);
    }
  }

  private section(value: string | null): Section {
    this.made += 1;
    const content = document.importNode(this.template.content, true);
    const ids = new Set(Array.from(content.querySelectorAll('[id]'), ({ id }) => id));
    for (const one of content.querySelectorAll('[id]')) one.id = `${one.id}-${this.made}`;
    for (const link of content.querySelectorAll('a')) {
      const to = link.getAttribute('href') ?? '';
      if (to.startsWith('#') && ids.has(to.slice(1))) link.setAttribute('href', `${to}-${this.made}`);
    }
    const text = value === null ? NULL : oneLine(value) || '–';
    for (const output of content.querySelectorAll('output')) if (output.dataset['value'] === this.variable) output.textContent = text;
    const figures = [...content.querySelectorAll<HTMLElement>('figure.tile')];
    for (const figure of figures) {
      figure.dataset['row'] = text;
      figure.dataset['section'] = String(this.made);
    }
    const element = el('section', { id: `${this.variable}-${this.made}` });
    element.append(content);
    const values = withRow(this.inputs, this.variable, value);
    const section = { element, tiles: figures.map((figure) => new Tile(this.page, figure, values, this.theme)) };
    this.sections.set(value, section);
    return section;
  }
}
