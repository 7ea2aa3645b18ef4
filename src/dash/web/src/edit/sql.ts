// The text of the SQL. CodeMirror stands in a shadow root: there it adopts its styles, where in a document it would write a style
// element, which the page's policy forbids.
import { autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { sql, SQLDialect } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, StateEffect, StateField } from '@codemirror/state';
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, type DecorationSet } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Known } from './api.js';
import type { Names } from './complete.js';

const TYPES = 'bigint bit blob boolean date decimal double float hugeint integer interval json smallint struct time timestamp timestamptz tinyint ubigint uinteger usmallint utinyint uuid varchar';

const looks = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', border: '1px solid color-mix(in srgb, var(--muted) 70%, transparent)', borderRadius: '8px', fontSize: '.9rem' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', minHeight: '11rem', maxHeight: '60vh' },
  '.cm-content': { caretColor: 'var(--text)', padding: '.6rem 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)', borderLeftWidth: '2px' },
  '.cm-gutters': { color: 'var(--muted)', backgroundColor: 'var(--surface)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in srgb, var(--accent) 28%, transparent)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'color-mix(in srgb, var(--accent) 22%, transparent)' },
  '.cm-wrong': { textDecoration: 'underline wavy var(--bad) 2px', textUnderlineOffset: '4px', backgroundColor: 'var(--bad-surface)' },
  '.cm-tooltip': { color: 'var(--text)', backgroundColor: 'var(--surface)', border: '1px solid var(--line)', borderRadius: '8px', boxShadow: '0 6px 24px rgb(0 0 0 / 18%)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxWidth: 'min(32rem, 90vw)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { color: 'var(--surface)', backgroundColor: 'var(--accent)' },
  '.cm-completionDetail': { fontStyle: 'normal', opacity: '1' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
});

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--accent)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warn)' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--muted)', fontStyle: 'italic' },
  { tag: [tags.special(tags.name)], color: 'var(--warn)', fontWeight: '600' },
]);

const setMark = StateEffect.define<{ from: number; to: number } | null>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (value, transaction) => {
    for (const effect of transaction.effects) {
      if (effect.is(setMark)) return effect.value ? Decoration.set(Decoration.mark({ class: 'cm-wrong' }).range(effect.value.from, effect.value.to)) : Decoration.none;
    }
    return transaction.docChanged ? Decoration.none : value; // what was wrong is being mended
  },
  provide: (field) => EditorView.decorations.from(field),
});

/**
 * Where a browser itself writes over text that is chosen, it keeps its looks in a style attribute, which the page's policy forbids: the
 * text is written here.
 */
const writesOver = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== 'insertText' || event.data === null || empty || event.isComposing || view.state.selection.ranges.length > 1) return false;
    const text = event.data;
    const written = () => view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, written))) view.dispatch(written());
    event.preventDefault();
    return true;
  },
});

export class Sql {
  private readonly view: EditorView;
  private readonly language = new Compartment();

  constructor(host: HTMLElement, names: Names, on: { run(): void; change(): void }) {
    const root = host.attachShadow({ mode: 'open' });
    const run = () => { on.run(); return true; };
    this.view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'SQL', spellcheck: 'false' }),
          autocompletion({ override: [names.source] }),
          keymap.of([{ key: 'Mod-Enter', run }, ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          this.language.of([]),
          looks,
          syntaxHighlighting(colors),
          marks,
          writesOver,
          EditorView.updateListener.of((update) => { if (update.docChanged) on.change(); }),
        ],
      }),
    });
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  /** Puts another text in the place, which can be undone. */
  set text(text: string) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  speak({ words }: Known): void {
    const dialect = SQLDialect.define({
      keywords: (words.keywords ?? []).join(' '),
      types: TYPES,
      identifierQuotes: '"',
      specialVar: '$',
      operatorChars: '+-*/<>=~!@#%^&|`?:',
      charSetCasts: true,
    });
    this.view.dispatch({ effects: this.language.reconfigure(sql({ dialect }).language) });
  }

  /** Marks what stands at a place, given as a character from 1 on. */
  mark(position: number | null): void {
    if (position === null) return this.view.dispatch({ effects: setMark.of(null) });
    const text = this.text;
    const from = Array.from(text).slice(0, position - 1).join('').length;
    const word = /^(\w+|\S|)/.exec(text.slice(from))?.[0] ?? '';
    const end = from + word.length;
    const [start, to] = end > from ? [from, end] : [Math.max(0, from - 1), from];
    if (start === to) return;
    this.view.dispatch({ effects: [setMark.of({ from: start, to }), EditorView.scrollIntoView(start)] });
  }

  focus(): void {
    this.view.focus();
  }
}
