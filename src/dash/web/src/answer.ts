// What the server answers with: whole, however many parts it comes in and however often it is asked, or an error.
import { Pool } from './pool.js';
import { QueryError } from './query-error.js';
import { patiently } from './turns.js';

export { QueryError } from './query-error.js';

export interface Answer {
  bytes: Uint8Array<ArrayBuffer>;
  /** Without what is behind `;`. */
  type: string;
  headers: Headers;
}

/** What one request came to. Bytes are there with a 200 alone; of all else the response has them. */
export interface Reply {
  response: Response;
  bytes: Uint8Array<ArrayBuffer>;
}

const pool = new Pool(6);

/**
 * A function answers with a few megabytes at most: of more, the first response says how many parts there are and what the others are
 * asked for with, one after another. They are of one answer, whatever becomes of the tables meanwhile. `runs` is told when what is asked
 * for runs already, so that it may take longer.
 */
export async function fetchWhole(url: string, signal: AbortSignal, runs = () => {}): Promise<Answer> {
  const first = await good(url, signal, runs);
  const pieces = [first.bytes];
  const { headers } = first.response;
  const rest = headers.get('quack-rest');
  const parts = rest === null ? 1 : Number(headers.get('quack-parts'));
  for (let part = 2; part <= parts; part += 1) {
    pieces.push((await good(`${url.split('?')[0]}/${rest}/${part}`, signal)).bytes);
  }
  return { bytes: joined(pieces), type: typeOf(first.response), headers };
}

function joined(pieces: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = pieces;
  if (only && pieces.length === 1) return only;
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

async function good(url: string, signal: AbortSignal, runs = () => {}): Promise<Reply> {
  const reply = await patiently((waited) => ask(url, signal, waited), signal, runs);
  if (reply.response.status !== 200) throw await errorOf(reply.response);
  return reply;
}

/** Asks once, when there is room, as somebody who has waited for so many milliseconds, and asks again (`Prefer`: RFC 7240). */
function ask(url: string, signal: AbortSignal, waited: number): Promise<Reply> {
  const headers = { prefer: 'respond-async', ...(waited > 0 ? { 'quack-waited': String(Math.ceil(waited)) } : {}) };
  return pool.run(signal, async () => {
    try {
      const response = await fetch(url, { signal, headers });
      return { response, bytes: new Uint8Array(response.status === 200 ? await response.arrayBuffer() : new ArrayBuffer(0)) };
    } catch (error) {
      if (signal.aborted) throw error;
      throw new QueryError('The server could not be reached.', undefined, undefined, 'Is it still running? Then try again.');
    }
  });
}

export const typeOf = (response: Response): string => (response.headers.get('content-type') ?? '').split(';')[0] ?? '';

export async function errorOf(response: Response): Promise<QueryError> {
  const plain =
    response.status === 429
      ? new QueryError('The server has as much to do as it can.', undefined, undefined, 'Try again in a moment.')
      : new QueryError(`The server answered ${response.status} ${response.statusText}`.trim());
  if (typeOf(response) !== 'application/json') return plain;
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: Record<string, unknown> } | null)?.error;
  if (typeof error?.['message'] !== 'string') return plain;
  const text = (name: string) => (typeof error[name] === 'string' ? error[name] : undefined);
  const position = typeof error['position'] === 'number' ? error['position'] : undefined;
  return new QueryError(error['message'], position, text('sql'), text('hint'));
}
