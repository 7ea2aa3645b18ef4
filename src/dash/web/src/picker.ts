// A `<select multiple>` asks for Ctrl and a mouse. A list of check boxes with a search stands in its place;
// the select stays, hidden, as what the form has.
import { debounce, el } from './dom.js';

/** How many check boxes are shown at once; the search finds the others. */
const SHOWN = 100;

let count = 0;

export function enhance(select: HTMLSelectElement): void {
  const label = select.closest('label');
  if (!label) return;
  const id = `picker-${(count += 1)}`;
  const title = el('span', { id }, label.querySelector('span')?.textContent ?? select.name);
  const chosen = el('span', { class: 'chosen' });
  const summary = el('summary', { 'aria-labelledby': `${id} ${id}-chosen` }, chosen);
  chosen.id = `${id}-chosen`;
  const search = el('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search the choices', autocomplete: 'off' });
  const list = el('div', { class: 'choices', role: 'group', 'aria-labelledby': id });
  const clear = el('button', { type: 'button' }, 'None');
  const every = el('button', { type: 'button' }, 'All');
  const details = el('details', { class: 'picker' }, summary, el('div', { class: 'panel' }, search, list, el('div', { class: 'buttons' }, every, clear)));
  const group = el('div', { class: 'input', role: 'group', 'aria-labelledby': id }, title, details);
  group.dataset['type'] = 'multiselect';
  select.hidden = true;
  label.replaceWith(group);
  group.append(select);

  const matching = () => {
    const text = search.value.trim().toLowerCase();
    return [...select.options].filter((option) => option.text.toLowerCase().includes(text));
  };
  const sum = () => {
    const names = Array.from(select.selectedOptions, (option) => option.text);
    chosen.textContent = names.length === 0 ? 'None chosen' : names.length <= 2 ? names.join(', ') : `${names.length} chosen`;
  };
  const show = () => {
    sum();
    if (!details.open) return;
    const found = matching();
    every.disabled = found.length > SHOWN; // an address takes so many values and no more
    list.replaceChildren(...found.slice(0, SHOWN).map((option) => choice(option, changed)));
    if (found.length > SHOWN) list.append(el('p', { class: 'note' }, `${found.length - SHOWN} more: search for them`));
    else if (found.length === 0) list.append(el('p', { class: 'note' }, 'No such choice'));
  };
  const changed = () => {
    sum();
    select.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const all = (selected: boolean) => {
    for (const option of matching()) option.selected = selected;
    show();
    changed();
  };

  search.addEventListener('input', debounce(100, show));
  // The picker's own boxes are no input of the form.
  details.addEventListener('input', (event) => event.stopPropagation());
  details.addEventListener('change', (event) => event.stopPropagation());
  details.addEventListener('toggle', show);
  every.addEventListener('click', () => all(true));
  clear.addEventListener('click', () => all(false));
  select.addEventListener('written', show);
  closesLikeAMenu(details);
  show();
}

function choice(option: HTMLOptionElement, changed: () => void): HTMLElement {
  const box = el('input', { type: 'checkbox', checked: option.selected });
  box.addEventListener('change', () => {
    option.selected = box.checked;
    changed();
  });
  return el('label', {}, box, el('span', {}, option.text));
}

/** Escape and a click elsewhere close it; Escape gives the focus back. */
export function closesLikeAMenu(details: HTMLDetailsElement): void {
  const outside = (event: Event) => {
    if (!details.isConnected || !details.contains(event.target as Node)) details.open = false;
  };
  details.addEventListener('toggle', () => {
    const change = details.open ? 'addEventListener' : 'removeEventListener';
    document[change]('pointerdown', outside);
    document[change]('focusin', outside);
  });
  details.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !details.open) return;
    details.open = false;
    details.querySelector('summary')?.focus();
  });
}
