// Rows for a test, as they come from the server.
import { tableFromArrays, tableFromIPC, tableToIPC } from '@uwdata/flechette';
import { toColumn } from '../src/columns.js';
import type { Result } from '../src/data.js';

export function result(data: Record<string, unknown[]>): Result {
  const table = tableFromIPC(tableToIPC(tableFromArrays(data), { format: 'stream' }) as Uint8Array, { useBigInt: true, useDecimalInt: true, useBigIntTimestamp: true });
  return {
    columns: table.children.map((child, index) => toColumn(table.schema.fields[index]?.name ?? '', child)),
    rows: table.numRows,
    cost: { cached: false, truncated: false },
  };
}
