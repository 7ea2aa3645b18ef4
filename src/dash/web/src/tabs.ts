// Tabs: the server sends them below one another, each with its title, as paper has them; here one of them is shown. Which one stands
// in the page's address, unless it is the first.
import { el } from './dom.js';

/** What it is called in the address, once for each group of tabs that does not show its first. */
const NAME = 'tab';

class Tabs {
  private readonly panels: HTMLElement[];
  private readonly buttons: HTMLButtonElement[];
  private chosen = -1;

  constructor(box: HTMLElement, private readonly shown: (panel: HTMLElement) => void) {
    this.panels = [...box.children].filter((child): child is HTMLElement => child instanceof HTMLElement && child.matches('.tab'));
    this.buttons = this.panels.map((panel, at) => this.button(panel, at));
    const list = el('div', { role: 'tablist', class: 'tablist' }, ...this.buttons);
    list.addEventListener('keydown', (event) => this.key(event));
    if (this.panels.length > 0) box.prepend(list);
    this.follow();
  }

  /** Takes up what the address says. */
  follow(): void {
    const wanted = new URLSearchParams(location.search).getAll(NAME);
    this.show(Math.max(0, this.panels.findIndex((panel) => wanted.includes(nameOf(panel)))));
  }

  /** Paper has all of them. */
  print(on: boolean): void {
    if (!on) return this.show(this.chosen);
    for (const panel of this.panels) panel.hidden = false;
    this.panels.forEach(this.shown);
  }

  private show(chosen: number): void {
    const isOther = chosen !== this.chosen;
    this.chosen = chosen;
    this.panels.forEach((panel, at) => { panel.hidden = at !== chosen; });
    this.buttons.forEach((button, at) => {
      button.setAttribute('aria-selected', String(at === chosen));
      button.tabIndex = at === chosen ? 0 : -1; // one stop for the keyboard; the arrows go on from there
    });
    const panel = this.panels[chosen];
    if (panel && isOther) this.shown(panel);
  }

  private choose(chosen: number): void {
    if (chosen === this.chosen) return;
    const search = new URLSearchParams(location.search);
    const others = search.getAll(NAME).filter((name) => !this.panels.some((panel) => nameOf(panel) === name));
    search.delete(NAME);
    const own = this.panels[chosen];
    for (const name of chosen > 0 && own ? [...others, nameOf(own)] : others) search.append(NAME, name);
    const text = search.toString();
    history.pushState(null, '', location.pathname + (text && `?${text}`) + location.hash);
    this.show(chosen);
  }

  private button(panel: HTMLElement, at: number): HTMLButtonElement {
    const id = `of-${panel.id}`;
    const button = el('button', { type: 'button', role: 'tab', id, 'aria-controls': panel.id }, panel.querySelector('.title')?.textContent ?? '');
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', id);
    button.addEventListener('click', () => this.choose(at));
    return button;
  }

  private key(event: KeyboardEvent): void {
    const last = this.buttons.length - 1;
    const to = { ArrowRight: this.chosen === last ? 0 : this.chosen + 1, ArrowLeft: this.chosen === 0 ? last : this.chosen - 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.choose(to);
    this.buttons[to]?.focus();
  }
}

const nameOf = (panel: HTMLElement): string => panel.dataset['tab'] ?? '';

/** Whether nobody sees it, as its tab is not the one that is shown. */
export const isPutAway = (element: Element): boolean => element.closest('.tab[hidden]') !== null;

/** All tabs of a page; `shown` is told each time that one is. */
export function tabs(main: HTMLElement, shown: (panel: HTMLElement) => void, signal: AbortSignal): void {
  let ready = false; // whoever asks at first looks at what is shown by itself
  const all = [...main.querySelectorAll<HTMLElement>('.tabs')].map((box) => new Tabs(box, (panel) => ready && shown(panel)));
  ready = true;
  if (all.length === 0) return;
  const print = (on: boolean) => all.forEach((one) => one.print(on));
  window.addEventListener('popstate', () => all.forEach((one) => one.follow()), { signal });
  // Before charts are drawn as paper has them: one that is put away has no width.
  window.addEventListener('beforeprint', () => print(true), { signal, capture: true });
  window.addEventListener('afterprint', () => print(false), { signal, capture: true });
  window.matchMedia('print').addEventListener('change', ({ matches }) => print(matches), { signal });
}
