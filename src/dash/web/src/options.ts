// Selects whose options are the rows of a query: the first column is the value, the second, if there is one, what is shown.
import { apiUrl, fetchResult, type Result } from './data.js';
import { words } from './dom.js';
import { follows, type Inputs } from './inputs.js';

/** A browser shows no more in a list that a person could use. */
const MOST = 5000;

export class Options {
  private request: AbortController | null = null;
  private readonly names: string[];

  constructor(
    private readonly page: string,
    private readonly select: HTMLSelectElement,
    private readonly inputs: Inputs,
  ) {
    this.names = words(select.dataset['inputs']);
  }

  isTouchedBy(changed: ReadonlySet<string>): boolean {
    return [...changed].some((name) => follows(this.names, name));
  }

  async load(): Promise<void> {
    this.request?.abort();
    const { signal } = (this.request = new AbortController());
    const note = this.note();
    this.select.setAttribute('aria-busy', 'true');
    try {
      const query = this.select.dataset['query'] ?? '';
      const result = await fetchResult({ query }, apiUrl(this.page, query, '', this.inputs.params(this.names)), signal);
      this.fill(result);
      note.textContent = result.rows > MOST ? `The first ${MOST} of ${result.rows} choices` : '';
    } catch (error) {
      if (signal.aborted) return;
      note.textContent = error instanceof Error ? error.message : String(error);
    }
    this.select.setAttribute('aria-busy', 'false');
  }

  dispose(): void {
    this.request?.abort();
  }

  private fill(result: Result): void {
    const [values, labels = values] = result.columns;
    if (!values) return;
    const chosen = new Set(Array.from(this.select.selectedOptions, (option) => option.value));
    const options: HTMLOptionElement[] = [];
    const known = new Set<string>();
    for (let row = 0; row < Math.min(result.rows, MOST); row += 1) {
      const value = values.text(row);
      if (value === null || known.has(value)) continue;
      known.add(value);
      options.push(new Option(labels?.text(row) ?? value, value, false, chosen.has(value)));
    }
    // What is chosen stays chosen when the query does not give it (any more): the tiles are filtered by it.
    const strange = [...chosen].filter((value) => !known.has(value)).map((value) => new Option(value || '–', value, false, true));
    this.select.replaceChildren(...strange, ...options);
    this.select.dispatchEvent(new Event('written'));
  }

  private note(): HTMLElement {
    const label = this.select.closest('.input') ?? this.select.parentElement ?? document.body;
    const old = label.querySelector<HTMLElement>('.note');
    if (old) return old;
    const note = document.createElement('small');
    note.className = 'note';
    note.setAttribute('role', 'status');
    label.append(note);
    return note;
  }
}
