// Rows as a table: a plain one when they are few, one that has only the visible rows when they are many.
import 'regular-table';
import type { RegularTableElement } from 'regular-table';
import type { Chosen } from './charts/chart.js';
import { isTemporal, type Column } from './columns.js';
import type { Result } from './data.js';
import { el, oneLine } from './dom.js';
import { count, formatCell, NULL } from './format.js';
import { sparkline } from './spark.js';

/** More rows than these are drawn as they are scrolled to. */
const PLAIN = 200;
/** Pixels, as dash.css has it. */
const ROW = 34;

export interface TableSettings {
  /** What the table is called, for those who hear it. */
  title: string;
  /** `format` of a column; undefined where it has none. */
  format(column: Column): string | undefined;
  /** Columns whose lists of numbers are small lines. */
  sparks?: readonly Column[];
  /** Where a click on a row's value sets an input: the column, and what to do with the value. */
  filter?: { column: Column; chosen: Chosen | null; pick(value: string): void } | undefined;
}

export function tableView(result: Result, settings: TableSettings, height: number | null): HTMLElement {
  return result.rows > PLAIN ? virtualTable(result, settings, height ?? 420) : scroller(plainTable(result, settings, PLAIN), settings.title, height ?? 420);
}

/** For a chart: the same rows, at most 200 of them. */
export function rowsOfChart(result: Result, settings: TableSettings): HTMLElement {
  const table = plainTable(result, settings, PLAIN);
  const rest = result.rows - PLAIN;
  const caption = rest > 0 ? `${settings.title}: the first ${PLAIN} of ${count(result.rows)} rows` : settings.title;
  table.prepend(el('caption', {}, caption));
  return scroller(table, settings.title, 420);
}

function scroller(table: HTMLElement, title: string, height: number): HTMLElement {
  const box = el('div', { class: 'rows', role: 'region', 'aria-label': `${title}, rows`, tabindex: 0 }, table);
  box.style.maxHeight = `${height}px`;
  return box;
}

function plainTable(result: Result, settings: TableSettings, most: number): HTMLTableElement {
  const head = el('tr', {}, ...result.columns.map((column) => el('th', { scope: 'col', class: alignment(column) }, heading(column))));
  const body = el('tbody');
  for (let row = 0; row < Math.min(result.rows, most); row += 1) {
    body.append(el('tr', {}, ...result.columns.map((column) => cell(column, row, settings))));
  }
  return el('table', {}, el('thead', {}, head), body);
}

function cell(column: Column, row: number, settings: TableSettings): HTMLElement {
  const content = value(column, row, settings);
  return el('td', { class: alignment(column) }, content);
}

function value(column: Column, row: number, settings: TableSettings): HTMLElement | string {
  if (settings.sparks?.includes(column)) return sparkline(column, row, settings.format(column));
  const text = formatCell(column, row, settings.format(column));
  if (text === null) return el('span', { class: 'null' }, NULL);
  const { filter } = settings;
  const exact = column.text(row);
  if (filter?.column === column && exact !== null) {
    const button = el('button', { type: 'button', class: 'link', 'aria-pressed': String(filter.chosen?.(column, row) ?? false) }, oneLine(text));
    button.addEventListener('click', () => filter.pick(exact));
    return button;
  }
  return text;
}

/** Only what is in view is in the page: 100,000 rows are scrolled through as ten are. */
function virtualTable(result: Result, settings: TableSettings, height: number): HTMLElement {
  const table = document.createElement('regular-table') as RegularTableElement;
  table.setAttribute('role', 'region');
  table.setAttribute('aria-label', `${settings.title}, ${count(result.rows)} rows`);
  table.style.height = `${height}px`;
  table.setDataListener(async (x0, y0, x1, y1) => {
    const columns = result.columns.slice(x0, x1);
    const rows = Array.from({ length: Math.max(0, Math.min(y1, result.rows) - y0) }, (_, index) => y0 + index);
    return {
      num_rows: result.rows,
      num_column_headers: 1,
      row_height: ROW,
      num_columns: result.columns.length,
      column_headers: columns.map((column) => [oneLine(heading(column)) || ' ']),
      data: columns.map((column) => rows.map((row) => formatted(value(column, row, settings)))),
    };
  });
  table.addStyleListener(() => {
    table.querySelector('table')?.setAttribute('aria-rowcount', String(result.rows + 1));
    for (const one of table.querySelectorAll<HTMLElement>('th, td')) {
      const meta = table.getMeta(one);
      const column = meta && 'x' in meta ? result.columns[meta.x ?? -1] : undefined;
      one.className = `${one.className.replace(/\b(number|label|moment)\b/g, '').trim()} ${column ? alignment(column) : ''}`;
      if (one.tagName === 'TH') one.setAttribute('scope', 'col');
      else one.title = (one.textContent?.length ?? 0) > 40 ? (one.textContent ?? '') : ''; // a cell is cut at its edge
    }
  });
  void drawWhenShown(table);
  return table;
}

/** It measures its cells, so it is drawn once it is in the page, and again when its width changes. */
async function drawWhenShown(table: RegularTableElement): Promise<void> {
  const observer = new ResizeObserver(() => {
    if (table.isConnected) void table.draw();
    else observer.disconnect();
  });
  await Promise.resolve();
  observer.observe(table);
}

/** It takes elements too, though its types do not say so. */
const formatted = (content: HTMLElement | string): string => (typeof content === 'string' ? oneLine(content) : (content as unknown as string));
const alignment = (column: Column): string => (column.kind === 'number' ? 'number' : isTemporal(column) ? 'moment' : 'label');
const heading = (column: Column): string => (column.kind === 'time' ? `${column.name} (UTC)` : column.name);
