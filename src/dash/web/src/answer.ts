// What the server answers with: whole, however many parts it comes in, or an error.

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

export interface Answer {
  bytes: Uint8Array<ArrayBuffer>;
  /** Without what is behind `;`. */
  type: string;
  headers: Headers;
}

/**
 * A function answers with a few megabytes at most: of more, the first response says how many parts there are and what the others are
 * asked for with, one after another. They are of one answer, whatever becomes of the tables meanwhile.
 */
export async function fetchWhole(url: string, signal: AbortSignal): Promise<Answer> {
  const first = await good(url, signal);
  const pieces = [new Uint8Array(await first.arrayBuffer())];
  const { headers } = first;
  const rest = headers.get('quack-rest');
  const parts = rest === null ? 1 : Number(headers.get('quack-parts'));
  for (let part = 2; part <= parts; part += 1) {
    const response = await good(`${url.split('?')[0]}/${rest}/${part}`, signal);
    pieces.push(new Uint8Array(await response.arrayBuffer()));
  }
  return { bytes: joined(pieces), type: typeOf(first), headers };
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

/** How long is waited each time that all instances of a function are at work, milliseconds. */
const PAUSES_MS = [300, 900, 2700];

async function good(url: string, signal: AbortSignal): Promise<Response> {
  const response = await answer(url, signal);
  if (!response.ok) throw await errorOf(response);
  return response;
}

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
    return await fetch(url, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new QueryError('The server could not be reached.', undefined, undefined, 'Is it still running? Then try again.');
  }
}

export const typeOf = (response: Response): string => (response.headers.get('content-type') ?? '').split(';')[0] ?? '';

export async function errorOf(response: Response): Promise<QueryError> {
  const plain = new QueryError(`The server answered ${response.status} ${response.statusText}`.trim());
  if (typeOf(response) !== 'application/json') return plain;
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: Record<string, unknown> } | null)?.error;
  if (typeof error?.['message'] !== 'string') return plain;
  const text = (name: string) => (typeof error[name] === 'string' ? error[name] : undefined);
  const position = typeof error['position'] === 'number' ? error['position'] : undefined;
  return new QueryError(error['message'], position, text('sql'), text('hint'));
}
