// What the page's tiles may cost, by the names of their queries: told while they are asked. The laptop's preview alone knows.

export async function estimates(page: string): Promise<Map<string, number>> {
  try {
    const response = await fetch(`/api/${encodeURIComponent(page)}.estimates`, { priority: 'low' });
    const known: unknown = response.ok ? await response.json() : {};
    return new Map(Object.entries(known as object).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  } catch {
    return new Map(); // then nothing is told
  }
}
