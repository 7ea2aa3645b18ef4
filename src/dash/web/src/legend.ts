// The names of a chart's series: buttons, so that the keyboard too can put one away, and text that wraps and prints.
import { swatch, type Drawing } from './charts/chart.js';
import { el, oneLine } from './dom.js';

export class Legend {
  readonly element = el('div', { class: 'legend' });
  private drawn = '';

  constructor(
    private readonly hidden: Set<string>,
    private readonly changed: () => void,
  ) {}

  show({ legend, scale }: Pick<Drawing, 'legend' | 'scale'>): void {
    const drawn = JSON.stringify([legend, scale, [...this.hidden]]);
    if (drawn === this.drawn) return; // keeps the focus
    this.drawn = drawn;
    const focus = document.activeElement instanceof HTMLElement && this.element.contains(document.activeElement) ? document.activeElement.dataset['name'] : undefined;
    this.element.replaceChildren(...legend.map((entry) => this.entry(entry)), ...(scale ? [bar(scale)] : []));
    for (const button of this.element.querySelectorAll('button')) if (focus !== undefined && button.dataset['name'] === focus) button.focus();
  }

  private entry({ name, color, note }: Drawing['legend'][number]): HTMLElement {
    const button = el('button', { type: 'button', 'aria-pressed': String(!this.hidden.has(name)), title: oneLine(name) }, swatch(color), el('span', {}, oneLine(name)), note === undefined ? null : el('small', {}, note));
    button.dataset['name'] = name;
    button.addEventListener('click', () => {
      if (!this.hidden.delete(name)) this.hidden.add(name);
      this.changed();
    });
    return button;
  }
}

function bar({ colors, low, high }: NonNullable<Drawing['scale']>): HTMLElement {
  const strip = el('i', { class: 'strip', 'aria-hidden': 'true' });
  strip.style.background = `linear-gradient(to right, ${colors.join(', ')})`;
  return el('span', { class: 'scale' }, low, strip, high);
}
