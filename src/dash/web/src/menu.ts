// The small menu of a tile.
import { el } from './dom.js';
import { closesLikeAMenu } from './picker.js';

export interface MenuItem {
  label: string;
  run(): void;
}

export class Menu {
  private readonly list = el('ul');
  private readonly summary = el('summary', { title: 'More' }, el('span', { 'aria-hidden': 'true' }, '⋯'));
  readonly element = el('details', { class: 'menu' }, this.summary, this.list);

  constructor(title: string) {
    this.title = title;
    closesLikeAMenu(this.element);
  }

  /** Of the tile. */
  set title(title: string) {
    this.summary.setAttribute('aria-label', `More of ${title}`);
  }

  show(items: MenuItem[]): void {
    this.list.replaceChildren(...items.map((item) => el('li', {}, this.entry(item))));
  }

  private entry({ label, run }: MenuItem): HTMLElement {
    const entry = el('button', { type: 'button' }, label);
    entry.addEventListener('click', () => {
      this.element.open = false;
      run();
    });
    return entry;
  }
}
