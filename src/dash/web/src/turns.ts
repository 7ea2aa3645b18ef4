// What is not there yet is asked for again: what runs already, for somebody else or an earlier page of this one, and what no instance of
// the function was free for.
import { QueryError } from './query-error.js';
import { duration } from './format.js';

/** The shortest and the longest pause, milliseconds. */
const SHORTEST_MS = 250;
const LONGEST_MS = 5_000;

/** How often is asked again, one time after another, where no instance was free: for half a minute or so. */
const MOST_BUSY = 8;

/**
 * Asks until there is an answer. `ask` is told how many milliseconds have been waited; `runs` is called once, when the server says that
 * what is asked for runs already.
 */
export async function patiently<T extends { response: Response }>(ask: (waited: number) => Promise<T>, signal: AbortSignal, runs: () => void): Promise<T> {
  const began = performance.now();
  const waited = () => performance.now() - began;
  let told = false;
  let busy = 0;
  for (let reply = await ask(0); ; reply = await ask(waited())) {
    const { response } = reply;
    if (response.status === 202) {
      const { forMs, mostMs } = await running(response);
      // A run that died is taken over after that time, once.
      if (waited() > 2 * mostMs) throw new QueryError(`The query still runs, for somebody else, after ${duration(waited())}.`, undefined, undefined, 'Try again in a moment.');
      if (!told) runs();
      told = true;
      busy = 0;
      // What has gone on for long goes on for long.
      await pause(Math.max(SHORTEST_MS, forMs / 2), signal);
    } else if (isBusy(response) && busy < MOST_BUSY) {
      busy += 1;
      await pause(SHORTEST_MS * 2 ** (busy - 1), signal);
    } else return reply;
  }
}

/** The function's own limits say when to come again; the platform, where it has no instance free, does not. */
const isBusy = (response: Response) => response.status === 429 && !response.headers.has('retry-after');

/** How long a run has gone on, and may go on in all, milliseconds. */
async function running(response: Response): Promise<{ forMs: number; mostMs: number }> {
  const said = (await response.json().catch(() => null)) as Record<string, unknown> | null;
  const number = (name: string) => (typeof said?.[name] === 'number' ? said[name] : 0);
  return { forMs: number('for_ms'), mostMs: number('most_ms') };
}

/** Waits, some a little longer than others, so that they do not all come back at once. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, Math.min(ms, LONGEST_MS) * (0.75 + Math.random() / 2));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
