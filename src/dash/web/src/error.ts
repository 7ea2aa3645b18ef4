// A tile's error: its name where it has no title, what the engine said, the line of the SQL, and a caret under the place.
import { QueryError } from './data.js';
import { el } from './dom.js';

/** Characters of a line on each side of the place. */
const AROUND = 60;

export function errorView(error: unknown, name: string | null, retry: () => void): HTMLElement {
  const message = error instanceof Error ? error.message : String(error);
  const sql = error instanceof QueryError && error.sql !== undefined && error.position !== undefined ? place(error.sql, error.position) : null;
  const again = el('button', { type: 'button' }, 'Try again');
  again.addEventListener('click', retry);
  const hint = error instanceof QueryError && error.hint ? el('p', {}, error.hint) : null;
  return el(
    'div',
    { class: 'error' },
    name === null ? null : el('p', {}, el('code', {}, name)),
    el('pre', { class: 'message' }, message),
    sql && el('pre', { tabindex: 0, role: 'region', 'aria-label': 'Place in the SQL' }, sql.join('\n')), // scrolls
    hint,
    again,
  );
}

/** The line that has the character (1-based) in it, and one with the caret. */
export function place(sql: string, position: number): string[] {
  const characters = Array.from(sql.replace(/\r/g, ' ').replace(/\t/g, ' ')); // as PostgreSQL and DuckDB count: no surrogates
  const at = Math.max(0, Math.min(position - 1, characters.length));
  const start = characters.lastIndexOf('\n', at - 1) + 1;
  const end = characters.indexOf('\n', at);
  const line = characters.slice(at === 0 ? 0 : start, end < 0 ? undefined : end);
  const column = at === 0 ? 0 : at - start;
  const number = characters.slice(0, at).filter((character) => character === '\n').length + 1;
  const from = Math.max(0, column - AROUND);
  const before = `LINE ${number}: ${from > 0 ? '…' : ''}`;
  const cut = line.slice(from, column + AROUND).join('') + (line.length > column + AROUND ? '…' : '');
  return [before + cut, `${' '.repeat(before.length + column - from)}^`];
}
