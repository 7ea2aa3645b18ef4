// The small menu of a tile.
import { el } from './dom.js';
import { closesLikeAMenu } from './picker.js';

export interface MenuItem {
  label: string;
  /** A download. */
  href?: string;
  run?(): void;
}

export class Menu {
  private readonly list = el('ul', {});
  readonly element: HTMLDetailsElement;

  constructor(title: string) {
    this.element = el('details', { class: 'menu' }, el('summary', { 'aria-label': `More of ${title}`, title: 'More' }, el('span', { 'aria-hidden': 'true' }, '⋯')), this.list);
    closesLikeAMenu(this.element);
  }

  show(items: MenuItem[]): void {
    this.list.replaceChildren(...items.map((item) => el('li', {}, this.entry(item))));
  }

  private entry({ label, href, run }: MenuItem): HTMLElement {
    const entry = href === undefined ? el('button', { type: 'button' }, label) : el('a', { href, download: '' }, label);
    entry.addEventListener('click', () => {
      this.element.open = false;
      run?.();
    });
    return entry;
  }
}
