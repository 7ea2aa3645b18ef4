// Files that are saved from a page.
import { fetchWhole } from './answer.js';
import { el } from './dom.js';

export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Saves what the server answers with, all of it or nothing. */
export async function download(url: string, name: string): Promise<void> {
  const { bytes, type } = await fetchWhole(url, new AbortController().signal);
  save(new Blob([bytes], { type }), name);
}
