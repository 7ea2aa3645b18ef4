// The page's inputs: their values, the page's URL, and the `<output>`s in the text.
import { debounce } from './dom.js';
import { isSnapshot } from './snapshot.js';

type Control = HTMLInputElement | HTMLSelectElement;

/** What a choice of nothing looks like, as `field.rs` has it. */
const NOTHING = '–';

/** What became different: the names of the controls. */
export type Changed = (names: ReadonlySet<string>) => void;

/** What a tile is asked with, and what a click on it sets. */
export interface Values {
  params(names: readonly string[]): URLSearchParams;
  value(name: string): readonly string[];
  toggle(name: string, given: string): void;
  isSet(name: string): boolean;
}

export class Inputs implements Values {
  private readonly controls: Control[];
  private values = new Map<string, string[]>();
  private readonly abort = new AbortController();
  /** The control whose typing made the last entry of the history: more typing replaces that entry. */
  private typing: string | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly changed: Changed,
  ) {
    this.controls = [...root.querySelectorAll<Control>('form.inputs :is(input, select)[name]')];
    // A browser may put back what stood here before it was reloaded, or left: the page that the server sent counts.
    for (const form of root.querySelectorAll<HTMLFormElement>('form.inputs')) form.reset();
    for (const control of this.controls) if (control instanceof HTMLSelectElement) seed(control);
    this.values = this.read();
    if (isSnapshot()) for (const control of this.controls) control.disabled = true;
    this.showOutputs();
    const signal = this.abort.signal;
    for (const form of root.querySelectorAll<HTMLFormElement>('form.inputs')) {
      form.addEventListener('submit', (event) => { event.preventDefault(); this.sync('push'); }, { signal });
      form.addEventListener('change', () => this.sync('push'), { signal });
      form.addEventListener('input', this.typed(), { signal });
    }
    window.addEventListener('popstate', () => this.fromUrl(), { signal });
  }

  dispose(): void {
    this.abort.abort();
  }

  /** The values, as the API wants them, of the inputs that a tile names; `days` stands for `days_from` and `days_to`. */
  params(names: readonly string[]): URLSearchParams {
    const search = new URLSearchParams();
    for (const [name, values] of this.values) if (follows(names, name)) append(search, name, values);
    return search;
  }

  value(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  /** Sets an input from a chart: to the value, or, when it has it already, to its default. */
  toggle(name: string, given: string): void {
    const control = this.controls.find((one) => one.name === name);
    if (!control || control.disabled) return;
    const value = control.type === 'date' ? given.slice(0, 10) : given; // of a moment, its day
    if (control instanceof HTMLSelectElement && control.multiple) {
      const chosen = this.value(name);
      write(control, chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
    } else {
      const old = read(control)[0];
      write(control, old === value ? defaults(control) : [value]);
    }
    this.sync('push');
  }

  /** Whether the input has another value than its default. */
  isSet(name: string): boolean {
    const control = this.controls.find((one) => one.name === name);
    return control !== undefined && !same(this.value(name), defaults(control));
  }

  /** Takes up what the controls have, and says whether it is new; those that are not valid (half a date, too large a number) keep their old value. */
  sync(history: 'push' | 'replace' | 'none'): boolean {
    const now = this.read();
    const names = new Set([...now].filter(([name, values]) => !same(values, this.values.get(name) ?? [])).map(([name]) => name));
    if (names.size === 0) return false;
    this.values = now;
    // What the address had and was no value is not in it any more.
    for (const note of this.root.querySelectorAll('form.inputs .refused')) note.remove();
    if (history === 'push') this.typing = null;
    if (history !== 'none') window.history[history === 'push' ? 'pushState' : 'replaceState'](null, '', this.url());
    this.showOutputs(names);
    this.changed(names);
    return true;
  }

  private typed(): (event: Event) => void {
    let control: Control | null = null;
    const apply = debounce(350, () => {
      if (!control) return;
      if (this.sync(this.typing === control.name ? 'replace' : 'push')) this.typing = control.name;
    });
    return (event) => {
      if (!(event.target instanceof HTMLInputElement) || !/^(search|text|number)$/.test(event.target.type)) return;
      control = event.target;
      apply();
    };
  }

  private read(): Map<string, string[]> {
    return new Map(this.controls.map((control) => [control.name, control.checkValidity() ? read(control) : (this.values.get(control.name) ?? read(control))]));
  }

  /** Values that equal their default are left out; what else stands in the URL is nobody's here and stays. */
  private url(): string {
    const search = new URLSearchParams(location.search);
    for (const control of this.controls) {
      search.delete(control.name);
      const values = this.value(control.name);
      if (!same(values, defaults(control))) append(search, control.name, values);
    }
    const text = search.toString();
    return location.pathname + (text && `?${text}`) + location.hash;
  }

  private fromUrl(): void {
    const search = new URLSearchParams(location.search);
    for (const control of this.controls) {
      const given = search.getAll(control.name);
      const none = control instanceof HTMLSelectElement && control.multiple && same(given, ['']);
      write(control, none ? [] : given.length > 0 ? given : defaults(control));
    }
    this.typing = null;
    this.sync('none');
  }

  /** Writes what inputs have into the text, of all unless some are named. */
  showOutputs(names: Iterable<string> = this.values.keys()): void {
    const outputs = [...this.root.querySelectorAll<HTMLOutputElement>('output[data-value]')];
    for (const name of names) {
      const control = this.controls.find((one) => one.name === name);
      const text = this.value(name).join(', ') || (control ? emptied(control) : '');
      for (const output of outputs) if (output.dataset['value'] === name && output.textContent !== text) output.textContent = text;
    }
  }
}

/** Whether one of the names that a tile gives means this control. */
export function follows(names: readonly string[], control: string): boolean {
  return names.includes(control) || names.includes(control.replace(/_(from|to)$/, ''));
}

/** What counts where nothing stands: of a date or a number what it was at first, as the server has it. */
function emptied(control: Control): string {
  if (control instanceof HTMLSelectElement) return NOTHING;
  return control.type === 'date' || control.type === 'number' ? (control.dataset['default'] ?? '') : '';
}

/** A choice of nothing is sent as one empty value, for nothing at all would mean the default. */
function append(search: URLSearchParams, name: string, values: readonly string[]): void {
  for (const value of values.length > 0 ? values : ['']) search.append(name, value);
}

function read(control: Control): string[] {
  if (control instanceof HTMLSelectElement && control.multiple) return Array.from(control.selectedOptions, (option) => option.value);
  if (control.type === 'checkbox') return [String((control as HTMLInputElement).checked)];
  return [control.value];
}

function write(control: Control, values: readonly string[]): void {
  if (control instanceof HTMLSelectElement) {
    for (const value of values) if (![...control.options].some((option) => option.value === value)) control.add(new Option(value || NOTHING, value));
    for (const option of control.options) option.selected = values.includes(option.value);
    control.dispatchEvent(new Event('written')); // for the list that stands in its place
  } else if (control.type === 'checkbox') control.checked = values[0] === 'true';
  else control.value = values[0] ?? '';
}

function defaults(control: Control): string[] {
  const text = control.dataset['default'] ?? '';
  return control instanceof HTMLSelectElement && control.multiple ? list(text) : [text];
}

/** A select whose options are a query's rows has its value before they come. */
function seed(select: HTMLSelectElement): void {
  const value = select.dataset['value'];
  if (value !== undefined && select.dataset['query'] !== undefined) write(select, select.multiple ? list(value) : [value]);
}

function list(json: string): string[] {
  try {
    const values: unknown = JSON.parse(json || '[]');
    return Array.isArray(values) ? values.map(String) : [];
  } catch {
    return [];
  }
}

/** In any order: a list of choices has that of its options. */
function same(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [[...a].sort(), [...b].sort()];
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
