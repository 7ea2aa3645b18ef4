// A page that was saved with its rows in it: nothing is asked for, and nothing can be set.

/** Whether this page is one. */
export const isSnapshot = (): boolean => 'snapshot' in document.body.dataset;

/** Shapes that it has in it, of a map that had them from this address. */
export function keptShapes(address: string): Uint8Array<ArrayBuffer> | null {
  const all = [...document.querySelectorAll<HTMLScriptElement>('body > script.shapes')];
  const found = all.find((one) => one.dataset['shapes'] === address);
  return found ? bytesOf(found) : null;
}

const bytesOf = (script: HTMLScriptElement) => Uint8Array.from(atob(script.textContent ?? ''), (letter) => letter.charCodeAt(0));

export interface Asked {
  query: string;
  /** Of a tile in a loop, the number of its section. */
  section?: string | undefined;
}

/** The rows of a query, an Arrow stream, with what the server said of them. */
export function kept({ query, section }: Asked): { bytes: Uint8Array<ArrayBuffer>; headers: Headers } | null {
  const all = [...document.querySelectorAll<HTMLScriptElement>('body > script.rows')];
  const found = all.find((one) => one.dataset['query'] === query && one.dataset['section'] === section);
  if (!found) return null;
  const headers = new Headers();
  for (const name of ['ms', 'bytes', 'usd', 'truncated']) {
    const value = found.dataset[name];
    if (value !== undefined) headers.set(`quack-${name}`, value);
  }
  return { bytes: bytesOf(found), headers };
}
