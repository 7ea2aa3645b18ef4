// What the editor asks of the server: what is there, rows of SQL, and files to be written.
import { errorOf, QueryError, rowsOf, type Result } from '../data.js';

export interface Named {
  name: string;
  type?: string | null;
}

export interface Known {
  pages: { name: string; title: string }[];
  page?: { name: string; digest: string; inputs: Named[]; queries: Query[] };
  /** What is wrong with the page. */
  error?: string;
  tables?: { name: string; columns: Named[] }[];
  /** Why there are no tables. */
  lake?: string;
  words: { functions?: string[]; keywords?: string[] };
}

export interface Query {
  name: string;
  sql: string;
  /** Null where others alone read it. */
  chart: string | null;
  options: Record<string, string> | null;
}

export interface Save extends Query {
  page: string;
  /** Null of a page that is yet to be. */
  digest: string | null;
  is_there: boolean;
}

export class Api {
  constructor(private readonly token: string) {}

  async known(page: string | null): Promise<Known> {
    const response = await reached(fetch(`/edit/known${page === null ? '' : `?page=${encodeURIComponent(page)}`}`, { cache: 'no-store' }));
    if (!response.ok) throw await errorOf(response);
    return (await response.json()) as Known;
  }

  async run(asked: { page: string | null; query: string | null; sql: string; inputs: Record<string, string[]> }, signal: AbortSignal): Promise<Result> {
    return placed(asked.sql, rowsOf(await this.post('/edit/run', asked, signal)));
  }

  async save(wanted: Save): Promise<void> {
    const response = await this.post('/edit/save', wanted);
    if (!response.ok) await placed(wanted.sql, Promise.reject(await errorOf(response)));
  }

  private post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    const headers = { 'content-type': 'application/json', 'quack-token': this.token };
    return reached(fetch(path, { method: 'POST', headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) }));
  }
}

async function reached(response: Promise<Response>): Promise<Response> {
  return response.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new QueryError('The server could not be reached.', undefined, undefined, 'Is it still running? Then try again.');
  });
}

/** An error that says where in the text it is has the text with it. */
async function placed<T>(sql: string, result: Promise<T>): Promise<T> {
  return result.catch((error: unknown) => {
    if (error instanceof QueryError && error.position !== undefined) throw new QueryError(error.message, error.position, sql, error.hint);
    throw error;
  });
}
