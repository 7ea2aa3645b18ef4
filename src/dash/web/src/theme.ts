// Light and dark: the system's choice, or the reader's, which this browser remembers. Colours are those of dash.css.
import { el } from './dom.js';

export interface Colors {
  text: string;
  muted: string;
  line: string;
  surface: string;
  accent: string;
  series: string[];
  /** Those of series, and more, for what lies side by side. */
  slices: string[];
  /** From low to high. */
  scale: string[];
}

const KEY = 'quack-theme';
const ICON = { light: '☀', dark: '☾' };
type Name = keyof typeof ICON;

export class Theme {
  colors: Colors;
  private readonly dark = window.matchMedia('(prefers-color-scheme: dark)');
  private readonly button = el('button', { type: 'button', class: 'theme' });
  private readonly listeners = new Set<() => void>();
  private printing = false;

  constructor(header: HTMLElement | null) {
    header?.append(this.button);
    this.button.addEventListener('click', () => this.choose(this.name() === 'dark' ? 'light' : 'dark'));
    this.dark.addEventListener('change', () => this.apply());
    window.addEventListener('storage', (event) => { if (event.key === KEY) this.apply(); });
    window.addEventListener('beforeprint', () => this.print(true));
    window.addEventListener('afterprint', () => this.print(false));
    this.colors = this.apply();
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private name(): Name {
    if (this.printing) return 'light'; // paper is
    const stored = read();
    return stored ?? this.system();
  }

  private system(): Name {
    return this.dark.matches ? 'dark' : 'light';
  }

  /** What the system has too is not kept, so that the page follows the system again. */
  private choose(name: Name): void {
    try {
      if (name === this.system()) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, name);
    } catch {
      // A browser that keeps nothing.
    }
    this.apply(name);
  }

  private print(on: boolean): void {
    this.printing = on;
    this.apply();
  }

  private apply(name = this.name()): Colors {
    document.documentElement.dataset['theme'] = name;
    const other = name === 'dark' ? 'light' : 'dark';
    this.button.textContent = ICON[other];
    this.button.setAttribute('aria-label', `Switch to ${other} mode`);
    this.button.title = `Switch to ${other} mode`;
    this.colors = colors(name);
    for (const listener of this.listeners) listener();
    return this.colors;
  }
}

function read(): Name | null {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === 'light' || stored === 'dark' ? stored : null;
  } catch {
    return null;
  }
}

/** dash.css gives each as `light-dark(one, other)`: a canvas wants one of them. */
function colors(theme: Name): Colors {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => {
    const both = style.getPropertyValue(`--${name}`);
    return /light-dark\(([^,]+),([^)]+)\)/.exec(both)?.[theme === 'light' ? 1 : 2]?.trim() ?? both.trim();
  };
  const all = (name: string, count: number) => Array.from({ length: count }, (_, index) => get(`${name}-${index + 1}`));
  return {
    text: get('text'),
    muted: get('muted'),
    line: get('line'),
    surface: get('surface'),
    accent: get('accent'),
    series: all('series', 8),
    slices: [...all('series', 8), ...all('slice', 4)],
    scale: all('scale', 5),
  };
}
