// What can stand at a place of the SQL: tables and the page's queries, their columns, the page's inputs, functions, keywords.
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { syntaxTree } from '@codemirror/language';
import type { Known, Named } from './api.js';

const NAME = /"(?:[^"]|"")*"|[A-Za-z_][\w$]*/.source;
/** `FROM trips AS t`, `JOIN s.days d`. */
const FROM = new RegExp(`\\b(?:FROM|JOIN|,)\\s*((?:${NAME})(?:\\.(?:${NAME}))*)(?:\\s+(?:AS\\s+)?(${NAME}))?`, 'gi');

export class Names {
  private known: Known | null = null;
  /** Columns of queries that were run. */
  private readonly ran = new Map<string, Named[]>();

  set(known: Known): void {
    this.known = known;
  }

  learn(query: string, columns: Named[]): void {
    this.ran.set(query.toLowerCase(), columns);
  }

  readonly source = (context: CompletionContext): CompletionResult | null => {
    const { known } = this;
    if (!known || /String|Comment/.test(syntaxTree(context.state).resolveInner(context.pos, -1).name)) return null;
    const word = context.matchBefore(/[$\w]*/);
    const before = context.state.sliceDoc(Math.max(0, (word?.from ?? 0) - 200), word?.from ?? 0);
    const from = word?.from ?? context.pos;
    const text = context.state.doc.toString();
    const qualified = new RegExp(`(${NAME})\\.$`).exec(before)?.[1];
    if (qualified !== undefined) return { from, options: [...this.columns(this.resolved(text, qualified)), ...this.within(qualified)], validFor: /^\w*$/ };
    if (!context.explicit && !word?.text) return null;
    if (word?.text.startsWith('$')) return { from, options: this.inputs(), validFor: /^\$\w*$/ };
    const mentioned = [...text.matchAll(FROM)].map((match) => match[1] ?? '');
    return {
      from,
      validFor: /^\w*$/,
      options: [
        ...unique(mentioned.flatMap((name) => this.columns(name))),
        ...this.tables(),
        ...(known.words.functions ?? []).map((name): Completion => ({ label: name, type: 'function', apply: `${name}(`, boost: -20 })),
        ...(known.words.keywords ?? []).map((name): Completion => ({ label: name.toUpperCase(), type: 'keyword', boost: -10 })),
        ...this.inputs(),
      ],
    };
  };

  private inputs(): Completion[] {
    const user: Named = { name: 'user', type: 'VARCHAR' };
    return [...(this.known?.page?.inputs ?? []), user].map(({ name, type }) => ({ label: `$${name}`, type: 'variable', detail: type ?? 'input' }));
  }

  private tables(): Completion[] {
    const tables = (this.known?.tables ?? []).map(({ name }): Completion => ({ label: name, apply: name.split('.').map(quoted).join('.'), type: 'class', detail: 'table' }));
    const queries = (this.known?.page?.queries ?? []).map(({ name }): Completion => ({ label: name, type: 'class', detail: 'query of the page' }));
    return [...queries, ...tables];
  }

  /** Tables of a schema. */
  private within(schema: string): Completion[] {
    const prefix = `${plain(schema)}.`;
    const inside = (this.known?.tables ?? []).filter(({ name }) => name.toLowerCase().startsWith(prefix));
    return inside.map(({ name }) => ({ label: name.slice(prefix.length), apply: quoted(name.slice(prefix.length)), type: 'class', detail: 'table' }));
  }

  private columns(table: string): Completion[] {
    const name = table.split('.').map(plain).join('.').replace(/^main\./, '');
    const columns = this.known?.tables?.find((one) => one.name.toLowerCase() === name)?.columns ?? this.ran.get(name) ?? [];
    return columns.map((column) => ({ label: column.name, apply: quoted(column.name), type: 'property', boost: 10, ...(column.type ? { detail: column.type } : {}) }));
  }

  /** The table that a name in the text stands for. */
  private resolved(text: string, alias: string): string {
    const found = [...text.matchAll(FROM)].find((match) => match[2] !== undefined && plain(match[2]) === plain(alias));
    return found?.[1] ?? alias;
  }
}

const plain = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name).toLowerCase();
const quoted = (name: string): string => (/^[a-z_]\w*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

function unique(options: Completion[]): Completion[] {
  return [...new Map(options.map((option) => [option.label, option])).values()];
}
