// Asks the server for a query's rows: an Arrow stream, or an error as JSON.
import { tableFromIPC } from '@uwdata/flechette';
import { toColumn, type Column } from './columns.js';
import { Pool } from './pool.js';

export interface Result {
  columns: Column[];
  rows: number;
  /** What the answer took; absent where the server did not say. */
  cost: { ms?: number; bytes?: number; usd?: number; cached: boolean; truncated: boolean };
}

/** An error that the server, or the way to it, gave. `position` is 1-based, in characters of `sql`. */
export class QueryError extends Error {
  constructor(
    message: string,
    readonly position?: number,
    readonly sql?: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

const pool = new Pool(6);

export function apiUrl(page: string, query: string, suffix: '' | '.csv' | '.parquet', inputs: URLSearchParams): string {
  const path = page.split('/').map(encodeURIComponent).join('/');
  const search = inputs.toString();
  return `/api/${path}/${encodeURIComponent(query)}${suffix}${search && `?${search}`}`;
}

export function fetchResult(url: string, signal: AbortSignal): Promise<Result> {
  return pool.run(signal, async () => rowsOf(await answer(url, signal)));
}

/** The rows of an answer. */
export async function rowsOf(response: Response): Promise<Result> {
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok) throw await errorOf(response);
  if (!type.startsWith('application/vnd.apache.arrow.stream')) {
    throw new QueryError(`The server answered with "${type || 'no type'}" where rows were expected.`);
  }
  return decode(new Uint8Array(await response.arrayBuffer()), response.headers);
}

/** How long is waited each time that all instances of a function are at work, milliseconds. */
const PAUSES_MS = [300, 900, 2700];

async function answer(url: string, signal: AbortSignal): Promise<Response> {
  for (const pause of PAUSES_MS) {
    const response = await asked(url, signal);
    if (response.status !== 429) return response;
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    signal.throwIfAborted();
  }
  return asked(url, signal);
}

async function asked(url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { signal, headers: { accept: 'application/vnd.apache.arrow.stream, application/json' } });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new QueryError('The server could not be reached.', undefined, undefined, 'Is it still running? Then try again.');
  }
}

export async function errorOf(response: Response): Promise<QueryError> {
  const type = response.headers.get('content-type') ?? '';
  const plain = new QueryError(`The server answered ${response.status} ${response.statusText}`.trim());
  if (!type.startsWith('application/json')) return plain;
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: Record<string, unknown> } | null)?.error;
  if (typeof error?.['message'] !== 'string') return plain;
  const text = (name: string) => (typeof error[name] === 'string' ? error[name] : undefined);
  const position = typeof error['position'] === 'number' ? error['position'] : undefined;
  return new QueryError(error['message'], position, text('sql'), text('hint'));
}

function decode(bytes: Uint8Array, headers: Headers): Result {
  // Whole numbers, decimals and timestamps come as integers of any size: they keep all of their digits.
  const table = tableFromIPC(bytes, { useBigInt: true, useDecimalInt: true, useBigIntTimestamp: true });
  const columns = table.children.map((child, index) => toColumn(table.schema.fields[index]?.name ?? '', child));
  const number = (name: string) => {
    const value = headers.get(name);
    return value === null || !Number.isFinite(Number(value)) ? {} : { [name.slice(6)]: Number(value) };
  };
  return {
    columns,
    rows: table.numRows,
    cost: {
      ...number('quack-ms'),
      ...number('quack-bytes'),
      ...number('quack-usd'),
      cached: headers.get('quack-cached') === '1',
      truncated: headers.get('quack-truncated') === '1',
    },
  };
}
