// What a section of a loop has: a row's first column, which its tiles are asked with.
import type { Column } from './columns.js';
import type { Values } from './inputs.js';

/** Nobody reads more, and each asks for its tiles. */
export const MOST = 50;

/** The different values of a column's first rows, in their order, and how many more there are. */
export function rowsOf(column: Column, most = MOST): { values: (string | null)[]; more: number } {
  const values = new Set<string | null>();
  for (let row = 0; row < column.length; row += 1) values.add(column.text(row));
  return { values: [...values].slice(0, most), more: Math.max(0, values.size - most) };
}

/** The page's values with that of a section. */
export function withRow(inputs: Values, name: string, value: string | null): Values {
  return {
    params: (names) => {
      const search = inputs.params(names);
      if (value !== null && names.includes(name)) search.set(name, value); // NULL is what is not given
      return search;
    },
    value: (other) => inputs.value(other),
    toggle: (other, given) => inputs.toggle(other, given),
    isSet: (other) => inputs.isSet(other),
  };
}
