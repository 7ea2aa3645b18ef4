// The editor: a page and a query are chosen, SQL is written and run, its rows are drawn, and it is put into the page.
import { QueryError, type Result } from '../data.js';
import { debounce, el } from '../dom.js';
import { place } from '../error.js';
import { statusLine } from '../status.js';
import { tableView } from '../table.js';
import type { Theme } from '../theme.js';
import type { Api, Known, Query } from './api.js';
import { Chart, labelled } from './chart.js';
import { Names } from './complete.js';
import { Sql } from './sql.js';

const NEW = { name: '', sql: '', chart: 'table', options: {} } satisfies Query;

export class Editor {
  private readonly names = new Names();
  private readonly page = el('select', { name: 'page' });
  private readonly newPage = el('input', { type: 'text', name: 'new_page', maxlength: 64, placeholder: 'trips' });
  private readonly newPageField = labelled('Name of the page', this.newPage);
  private readonly query = el('select', { name: 'query' });
  private readonly name = el('input', { type: 'text', name: 'name', maxlength: 63 });
  private readonly nameField = labelled('Name of the query', this.name);
  private readonly runButton = el('button', { type: 'button', title: 'Ctrl-Enter' }, 'Run');
  private readonly saveButton = el('button', { type: 'button' });
  private readonly status = el('p', { class: 'status', 'aria-live': 'polite' });
  private readonly problem = el('div', { role: 'alert' });
  private readonly rows = el('div', { class: 'grid' });
  private readonly host = el('div', { class: 'sql' });
  private readonly sql: Sql;
  private readonly chart: Chart;
  private known: Known = { pages: [], words: {} };
  private running: AbortController | null = null;
  private saved = '';

  constructor(
    private readonly box: HTMLElement,
    private readonly api: Api,
    theme: Theme,
  ) {
    this.sql = new Sql(this.host, this.names, { run: () => void this.run(), change: () => {} });
    this.chart = new Chart(theme, () => {});
    const choice = el('div', { class: 'inputs' }, labelled('Page', this.page), this.newPageField, labelled('Query', this.query), this.nameField);
    const buttons = el('div', { class: 'buttons' }, this.runButton, this.saveButton, this.status);
    this.box.replaceChildren(el('h1', {}, 'Editor'), choice, this.host, buttons, this.problem, this.rows, this.chart.element);
    this.runButton.addEventListener('click', () => void this.run());
    this.saveButton.addEventListener('click', () => void this.save());
    this.page.addEventListener('change', () => void this.open(this.page.value || null, null));
    this.query.addEventListener('change', () => this.choose(this.query.value));
    window.addEventListener('beforeunload', (event) => { if (this.state() !== this.saved) event.preventDefault(); });
    window.addEventListener('resize', debounce(100, () => this.chart.setInputs(this.known.page?.inputs ?? [])));
  }

  /** Takes up a page, or none, and a query of it, or a new one. */
  async open(page: string | null, query: string | null): Promise<void> {
    try {
      this.known = await this.api.known(page);
    } catch (error) {
      return this.fail(error);
    }
    const { known } = this;
    this.problem.replaceChildren();
    this.names.set(known);
    this.sql.speak(known);
    this.page.replaceChildren(...known.pages.map(({ name, title }) => new Option(title === name ? name : `${title} (${name})`, name)), new Option('New page…', ''));
    if (page !== null && !known.pages.some(({ name }) => name === page)) this.page.add(new Option(page, page));
    this.page.value = page ?? '';
    this.newPageField.hidden = page !== null;
    this.query.replaceChildren(new Option('New query…', ''), ...(known.page?.queries ?? []).map(({ name }) => new Option(name, name)));
    this.chart.setInputs(known.page?.inputs ?? []);
    for (const words of [known.error, known.lake]) if (words !== undefined) this.fail(new Error(words));
    const found = known.page?.queries.some(({ name }) => name === query) ?? false;
    // Text that was written stays where another page is chosen for it.
    if (found || this.sql.text === '') this.choose(found ? (query ?? '') : '');
    else this.adopt('');
  }

  /** Takes up a query of the page. */
  private choose(name: string): void {
    const query: Query = this.known.page?.queries.find((one) => one.name === name) ?? NEW;
    this.sql.text = query.sql.trimEnd();
    this.chart.set(query);
    this.adopt(name);
    this.saved = this.state();
  }

  private adopt(name: string): void {
    this.query.value = name;
    this.nameField.hidden = name !== '';
    if (name === '' && this.name.value === '') this.name.value = this.unused();
    this.saveButton.textContent = name === '' ? 'Add to page' : 'Save';
    const search = new URLSearchParams(location.search);
    for (const [key, value] of [['page', this.page.value], ['query', name]] as const) {
      if (value) search.set(key, value);
      else search.delete(key);
    }
    history.replaceState(null, '', `/edit${search.size > 0 ? `?${search}` : ''}`);
  }

  private unused(): string {
    const taken = new Set(this.known.page?.queries.map(({ name }) => name.toLowerCase()));
    for (let number = 1; ; number += 1) if (!taken.has(`query_${number}`)) return `query_${number}`;
  }

  private state(): string {
    return JSON.stringify([this.sql.text, this.chart.get()]);
  }

  private async run(): Promise<void> {
    this.running?.abort();
    const { signal } = (this.running = new AbortController());
    const inputs: Record<string, string[]> = {};
    for (const [name, value] of new URLSearchParams(location.search)) if (name !== 'page' && name !== 'query') (inputs[name] ??= []).push(value);
    this.begin('Running…');
    try {
      const result = await this.api.run({ page: this.known.page?.name ?? null, query: this.query.value || null, sql: this.sql.text, inputs }, signal);
      if (!signal.aborted) this.show(result);
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
  }

  private show(result: Result): void {
    const table = result.rows === 0 ? el('p', { class: 'empty' }, 'No rows') : tableView(result, { title: 'Rows', format: () => undefined }, 320);
    this.rows.replaceChildren(table);
    this.status.replaceChildren(...statusLine(result, []));
    this.chart.setResult(result);
    const name = this.query.value || this.name.value;
    this.names.learn(name, result.columns.map((column) => ({ name: column.name })));
  }

  private async save(): Promise<void> {
    const isThere = this.query.value !== '';
    const page = this.page.value || this.newPage.value;
    const name = isThere ? this.query.value : this.name.value;
    this.begin('Writing…');
    try {
      const digest = this.known.page?.digest ?? null;
      await this.api.save({ page, digest, is_there: isThere, name, sql: this.sql.text, ...this.drawn() });
    } catch (error) {
      return this.fail(error);
    }
    this.name.value = '';
    await this.open(page, name);
    this.status.replaceChildren(`${isThere ? 'Saved' : 'Added'}: `, el('a', { href: `/${page}#tile-${name}` }, `dashboards/${page}.md`));
  }

  private drawn(): Pick<Query, 'chart' | 'options'> {
    const { chart, options } = this.chart.get();
    return { chart, options: options ?? {} };
  }

  private begin(words: string): void {
    this.status.textContent = words;
    this.problem.replaceChildren();
    this.sql.mark(null);
  }

  /** Says what is wrong, and marks where. */
  private fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.status.textContent = 'Failed';
    const parts: HTMLElement[] = [el('pre', { class: 'message' }, message)];
    if (error instanceof QueryError) {
      if (error.sql !== undefined && error.position !== undefined) {
        this.sql.mark(error.position);
        parts.push(el('pre', { tabindex: 0, role: 'region', 'aria-label': 'Place in the SQL' }, place(error.sql, error.position).join('\n')));
      }
      if (error.hint) parts.push(el('p', {}, error.hint));
    }
    this.problem.append(el('div', { class: 'error' }, ...parts));
  }
}
