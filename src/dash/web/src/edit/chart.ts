// How the rows are drawn: the choices, and the tile that comes of them, by the code that draws pages.
import { prepare } from '../charts/draw.js';
import { KINDS, parseKind, type ChartKind } from '../charts/spec.js';
import type { Result } from '../data.js';
import { el } from '../dom.js';
import { Inputs } from '../inputs.js';
import { statusLine } from '../status.js';
import type { Theme } from '../theme.js';
import { View } from '../view.js';
import type { Named, Query } from './api.js';

type Field = { name: string; label: string; kind: 'column' | 'columns' | 'text' | 'number' | 'flag' | 'sort' | 'format' | 'input' };

const X: Field = { name: 'x', label: 'x', kind: 'column' };
const Y: Field = { name: 'y', label: 'y', kind: 'columns' };
const COLOR: Field = { name: 'color', label: 'Color', kind: 'column' };
const FACET: Field = { name: 'facet', label: 'A picture for each', kind: 'column' };
const XY: Field[] = [X, Y, COLOR, FACET, { name: 'stack', label: 'Stacked', kind: 'flag' }, { name: 'sort', label: 'Sort', kind: 'sort' }, { name: 'horizontal', label: 'Horizontal', kind: 'flag' }];
const ALL: Field[] = [
  { name: 'title', label: 'Title', kind: 'text' },
  { name: 'help', label: 'Help', kind: 'text' },
  { name: 'format', label: 'Format', kind: 'format' },
  { name: 'height', label: 'Height', kind: 'number' },
  { name: 'filter', label: 'A click sets', kind: 'input' },
];
/** Of each kind, beyond what all have. */
const FIELDS: Partial<Record<ChartKind, Field[]>> = {
  table: [{ name: 'spark', label: 'Lines in cells', kind: 'columns' }],
  value: [Y, { name: 'compare', label: 'Compare', kind: 'column' }],
  bar: XY,
  line: XY,
  area: XY,
  scatter: XY,
  pie: [X, Y],
  heatmap: [X, Y, COLOR],
  histogram: [X, FACET, { name: 'bins', label: 'Bins', kind: 'number' }],
  map: [X, COLOR, { name: 'lat', label: 'Degrees north', kind: 'column' }, { name: 'lon', label: 'Degrees east', kind: 'column' }, { name: 'size', label: 'Size', kind: 'column' }, { name: 'shapes', label: 'File of shapes', kind: 'text' }, { name: 'key', label: 'Key of shapes', kind: 'text' }],
};
const FORMATS = ['number', 'percent', 'usd', 'compact', 'date', '0', '0.0', '0.00'];

export class Chart {
  private readonly kind = el('select', { name: 'chart' }, ...KINDS.map((kind) => el('option', { value: kind }, kind)), el('option', { value: '' }, 'not shown'));
  private readonly fields = el('div', { class: 'inputs' });
  private readonly preview = el('div', { class: 'preview' });
  readonly element = el('section', { 'aria-label': 'Chart' }, el('h2', {}, 'Chart'), el('div', { class: 'inputs' }, labelled('Kind', this.kind)), this.fields, this.preview);
  /** What a fence says; also what nobody chooses here. */
  private options: Record<string, string> = {};
  private result: Result | null = null;
  private inputs: Named[] = [];
  private view: View | null = null;
  private readonly none = new Inputs(el('div'), () => {});

  constructor(
    private readonly theme: Theme,
    private readonly changed: () => void,
  ) {
    this.kind.addEventListener('change', () => { this.show(); this.changed(); });
    theme.onChange(() => this.draw());
    this.show();
  }

  /** Takes up how a query is drawn. */
  set(query: Pick<Query, 'chart' | 'options'>): void {
    const chart = query.chart ?? '';
    if (![...this.kind.options].some((option) => option.value === chart)) this.kind.add(new Option(chart, chart));
    this.kind.value = chart;
    this.options = { ...query.options };
    this.show();
  }

  get(): Pick<Query, 'chart' | 'options'> {
    return this.kind.value === '' ? { chart: null, options: null } : { chart: this.kind.value, options: { ...this.options } };
  }

  setInputs(inputs: Named[]): void {
    this.inputs = inputs;
    this.show();
  }

  setResult(result: Result): void {
    this.result = result;
    this.show();
  }

  private show(): void {
    const kind = parseKind(this.kind.value);
    const fields = this.kind.value === '' ? [] : [...((kind && FIELDS[kind]) ?? []), ...ALL];
    this.fields.replaceChildren(...fields.map((field) => this.control(field)));
    this.draw();
  }

  private control(field: Field): HTMLElement {
    const value = this.options[field.name] ?? '';
    const control = this.made(field, value);
    control.addEventListener(control instanceof HTMLSelectElement || control.type === 'checkbox' ? 'change' : 'input', () => {
      const now = control.type === 'checkbox' ? ((control as HTMLInputElement).checked ? 'true' : '') : control.value;
      if (now === '') delete this.options[field.name];
      else this.options[field.name] = now;
      this.draw();
      this.changed();
    });
    return labelled(field.label, control, control.type === 'checkbox' ? 'switch' : field.kind === 'number' ? 'number' : 'text');
  }

  private made({ name, kind }: Field, value: string): HTMLInputElement | HTMLSelectElement {
    const columns = this.result?.columns.map((column) => column.name) ?? [];
    switch (kind) {
      case 'column':
        return select(name, value, columns);
      case 'sort':
        return select(name, value, ['x', '-x', 'y', '-y']);
      case 'format':
        return select(name, value, FORMATS);
      case 'input':
        return select(name, value, this.inputs.map((input) => input.name));
      case 'flag': {
        const box = el('input', { type: 'checkbox', name });
        box.checked = value === 'true';
        return box;
      }
      case 'number':
        return el('input', { type: 'number', name, value, min: 1 });
      case 'columns':
        return el('input', { type: 'text', name, value, placeholder: columns.slice(0, 2).join(',') || 'column,column' });
      case 'text':
        return el('input', { type: 'text', name, value });
    }
  }

  /** Where the shapes are that a map would have. */
  private shapes(): string | undefined {
    const { shapes: file, key, lat } = this.options;
    if (file === undefined) return undefined;
    const given = Object.entries({ file, key, lat }).filter((one): one is [string, string] => one[1] !== undefined);
    return `/edit/shapes?${new URLSearchParams(given)}`;
  }

  /** The tile as a page would show it. */
  private draw(): void {
    this.view?.dispose();
    this.view = null;
    const { result } = this;
    if (!result) return this.preview.replaceChildren(el('p', { class: 'note' }, 'Run the query to see what it draws.'));
    if (this.kind.value === '') return this.preview.replaceChildren(el('p', { class: 'note' }, 'It is there for inputs and other queries.'));
    const title = this.options['title'] ?? '';
    const box = el('div', { class: 'chart' });
    const status = el('p', { class: 'status' });
    const figure = el('figure', { class: 'tile', id: 'tile-preview', 'data-chart': this.kind.value, 'data-options': JSON.stringify(this.options) }, title ? el('figcaption', {}, title) : null, box, el('div', { class: 'foot' }, status));
    this.preview.replaceChildren(figure);
    const view = (this.view = new View(box, figure, () => title || 'Preview', this.theme, () => this.none));
    const fail = (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      view.replace(el('div', { class: 'error' }, el('pre', { class: 'message' }, message)));
    };
    const show = () => {
      if (this.view !== view) return; // another is drawn already
      try {
        status.replaceChildren(...statusLine(result, view.show(result, false)));
      } catch (error) {
        fail(error);
      }
    };
    if (view.kind === 'map') prepare(view.kind, this.shapes()).then((shapes) => { view.shapes = shapes; show(); }, fail);
    else show();
  }
}

export function labelled(label: string, control: HTMLElement, type = 'text'): HTMLElement {
  const words = el('span', {}, label);
  return type === 'switch' ? el('label', { class: 'input', 'data-type': type }, control, words) : el('label', { class: 'input', 'data-type': type }, words, control);
}

/** Nothing, or one of these; what is chosen stays chosen though it is none of them. */
function select(name: string, value: string, values: string[]): HTMLSelectElement {
  const all = ['', ...new Set(value === '' || values.includes(value) ? values : [value, ...values])];
  const made = el('select', { name }, ...all.map((one) => el('option', { value: one }, one || '–')));
  made.value = value;
  return made;
}
