// The laptop's preview: a file was saved, so the page is fetched again.
import { el } from './dom.js';
import type { Page } from './page.js';

export function follow(page: Page): void {
  const banner = new Banner();
  let source: EventSource | null = null;
  let missed = false;

  const reload = async () => {
    try {
      const response = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
      const html = new DOMParser().parseFromString(await response.text(), 'text/html');
      const main = html.querySelector<HTMLElement>('main');
      if (!response.ok || !main) throw new Error(`The page came as ${response.status} ${response.statusText}`.trim());
      document.title = html.title;
      const [nav, old] = [html.querySelector('header nav'), document.querySelector('header nav')];
      if (nav && old) old.replaceWith(document.importNode(nav, true));
      page.replace(document.importNode(main, true));
      banner.hide();
      void page.estimate();
    } catch (error) {
      banner.show(error instanceof Error ? error.message : String(error));
    }
  };

  // A browser has six connections to a server without TLS: a page that nobody sees gives up its own.
  const connect = () => {
    if (document.hidden) {
      source?.close();
      source = null;
      missed = true;
      return;
    }
    if (source) return;
    source = new EventSource('/events');
    source.addEventListener('open', () => {
      if (missed) void reload();
      missed = false;
    });
    source.addEventListener('error', () => { missed = true; }); // it connects again by itself
    source.addEventListener('change', (event) => {
      const change = parse(event.data);
      if (change.page !== undefined && change.page !== page.name) return;
      if (change.error === undefined) void reload();
      else banner.show(change.error);
    });
  };
  document.addEventListener('visibilitychange', connect);
  connect();
}

function parse(data: unknown): { page?: string; error?: string } {
  try {
    const change: unknown = JSON.parse(String(data));
    return typeof change === 'object' && change !== null ? change : {};
  } catch {
    return {};
  }
}

class Banner {
  private readonly text = el('pre', { tabindex: 0, role: 'region', 'aria-label': 'Error of the page' });
  private readonly element: HTMLElement;

  constructor() {
    const close = el('button', { type: 'button', 'aria-label': 'Close' }, '×');
    close.addEventListener('click', () => this.hide());
    this.element = el('div', { class: 'banner', role: 'alert' }, this.text, close);
  }

  show(message: string): void {
    this.text.textContent = message;
    document.querySelector('main')?.before(this.element);
  }

  hide(): void {
    this.element.remove();
  }
}
