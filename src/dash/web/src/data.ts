// Asks the server for a query's rows: an Arrow stream, or an error as JSON.
import { tableFromIPC } from '@uwdata/flechette';
import { errorOf, fetchWhole, QueryError, typeOf, type Answer } from './answer.js';
import { toColumn, type Column } from './columns.js';
import { isSnapshot, kept, type Asked } from './snapshot.js';

export { errorOf, QueryError } from './answer.js';

export interface Result {
  columns: Column[];
  rows: number;
  /** What the answer took; absent where the server did not say. */
  cost: { ms?: number; bytes?: number; usd?: number; cached: boolean; truncated: boolean };
}

export function apiUrl(page: string, query: string, suffix: '' | '.csv' | '.parquet', inputs: URLSearchParams): string {
  const path = page.split('/').map(encodeURIComponent).join('/');
  const search = inputs.toString();
  return `/api/${path}/${encodeURIComponent(query)}${suffix}${search && `?${search}`}`;
}

/**
 * The rows of a query, from the server, or, of a page that has them in it, from there. `runs` is told when the query runs already, so that
 * its rows may take longer.
 */
export async function fetchResult(asked: Asked, url: string, signal: AbortSignal, runs?: () => void): Promise<Result> {
  if (isSnapshot()) {
    const found = kept(asked);
    if (!found) throw new QueryError('The page was saved without these rows.');
    return decode(found.bytes, found.headers);
  }
  return rows(await fetchWhole(url, signal, runs));
}

/** The rows of an answer that comes in one part. */
export async function rowsOf(response: Response): Promise<Result> {
  if (!response.ok) throw await errorOf(response);
  return rows({ bytes: new Uint8Array(await response.arrayBuffer()), type: typeOf(response), headers: response.headers });
}

function rows({ bytes, type, headers }: Answer): Result {
  if (type !== 'application/vnd.apache.arrow.stream') {
    throw new QueryError(`The server answered with "${type || 'no type'}" where rows were expected.`);
  }
  return decode(bytes, headers);
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
