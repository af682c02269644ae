// Suggestions for the box that somebody types into: a combobox with a list below it. Nothing that is typed
// waits for them, and nothing is chosen that was not chosen from the list.

import { h, fill, debounce } from './dom.js';
import { ask, base, isOps, session } from './api.js';
import { completions } from './completion.js';
import { boxOf, dataKey } from './criteria.js';
import { criteriaOf } from './state.js';
import { t } from './texts.js';

/** How long nobody has to type before they are asked for, in milliseconds, and how many are shown. */
const pause = 150;
const most = 8;

/** How many characters have to be there of what may be anywhere in a number, and of all else. */
const leastOf = (kind) => (kind === 'number' ? 2 : 1);

/**
 * Has a box suggest values, from the newest calls that the other criteria find. search tells what is
 * searched for, before what was in the box when somebody came to it. The box is one with the role of a
 * combobox.
 */
export function suggesting(input, { name, kind, label, search, before }) {
  const list = h('ul', {
    class: 'suggestions',
    id: `${name}-suggestions`,
    role: 'listbox',
    'aria-label': t('search.suggestions', { label }),
    hidden: true,
    onmousedown: (event) => event.preventDefault(), // the box keeps the focus
    onclick: (event) => {
      const option = event.target.closest('[role=option]');
      if (option) choose([...list.children].indexOf(option));
    },
  });
  input.after(list);
  input.setAttribute('aria-controls', list.id);

  let asked = null; // the AbortController of the request under way
  let values = []; // that are shown
  let which = 0; // of the completions they are of
  let active = -1; // the option that the arrows have reached

  const open = () => !list.hidden;
  const here = () => completions(name, kind, input.value, input.selectionEnd ?? input.value.length);

  /** Leaves the list as it is: nothing further is asked for. */
  const keep = () => {
    later.stop();
    asked?.abort();
    list.removeAttribute('aria-busy');
  };

  const close = () => {
    keep();
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    reach(-1);
  };

  /** Goes to an option; -1: to none, so that Enter is the box's. */
  const reach = (i) => {
    list.children[active]?.setAttribute('aria-selected', 'false');
    active = i;
    const option = list.children[active];
    if (!option) return void input.removeAttribute('aria-activedescendant');
    option.setAttribute('aria-selected', 'true');
    option.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', option.id);
  };

  const show = () => {
    active = -1;
    input.removeAttribute('aria-activedescendant');
    fill(
      list,
      values.map((value, i) =>
        h(
          'li',
          { id: `${list.id}-${i}`, role: 'option', 'aria-selected': 'false', title: value },
          h('bdi', {}, value),
        ),
      ),
    );
    list.hidden = false;
    list.removeAttribute('aria-busy');
    list.scrollTop = 0;
    list.scrollIntoView({ block: 'nearest' }); // the box may stand at the end of a small window
    input.setAttribute('aria-expanded', 'true');
  };

  /** The parameters of what is asked for: the other criteria of the search are those of the calls. */
  const queryFor = ({ field, text }) => {
    const query = criteriaOf(search());
    for (const other of [...query.keys()]) {
      const inPlace = other.toLowerCase() === field.toLowerCase() || (other === name && boxOf(field) !== name);
      if (inPlace) query.delete(other);
    }
    if (query.size === 0) query.set('startTime', '0');
    query.set('field', field);
    if (text.trim()) query.set('text', text);
    query.set('limit', String(most));
    return query;
  };

  /** Asks for what completes the box, for one possibility after the other, until there is something. */
  const find = async (all, signal) => {
    for (const [i, completion] of all.entries()) {
      const { suggestions } = await ask(`${base()}/recordings/suggestions?${queryFor(completion)}`, { signal });
      const found = suggestions.map((s) => s.value);
      const there = input.value.slice(completion.from, completion.to);
      if (found.some((value) => completion.put(value) !== there && value !== completion.text)) return [i, found];
    }
    return [0, []];
  };

  /** What is to be asked for. Somebody who wants it need not have typed anything. */
  const possible = (wanted) =>
    here().filter(({ field, text }) => wanted || text.length >= leastOf(kind) || field.startsWith(dataKey));

  const update = async (wanted) => {
    keep();
    const all = possible(wanted);
    if (all.length === 0 || (isOps() && !session.contactCenter)) return close();

    const mine = new AbortController();
    asked = mine;
    const before = input.value;
    try {
      const [i, found] = await find(all, mine.signal);
      if (mine.signal.aborted || input.value !== before || document.activeElement !== input) return;
      [which, values] = [i, found];
      if (values.length > 0) show();
      else close();
    } catch {
      if (!mine.signal.aborted) close(); // one can do without
    }
  };

  const later = debounce(() => pause, update);

  /** Puts a value in the place of what was typed of it. */
  const choose = (i) => {
    const completion = here()[which];
    const value = values[i];
    close();
    if (!completion || value === undefined) return;

    const put = completion.put(value);
    input.value = input.value.slice(0, completion.from) + put + input.value.slice(completion.to);
    const end = completion.from + put.length;
    input.setSelectionRange(end, end);
    chosen = true;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    chosen = false;
    if (completion.goesOn) update(true);
  };
  let chosen = false; // the box was changed by a choice, which asks for nothing further

  input.addEventListener('input', (event) => {
    if (chosen) return;
    if (event.isComposing || possible(false).length === 0) return void close();
    keep();
    reach(-1);
    list.setAttribute('aria-busy', 'true'); // what it has is of the text before
    later(false);
  });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const n = list.children.length;
    switch (event.key) {
      case 'ArrowDown':
        keep(); // who goes through the list wants that it stays
        if (open()) reach((active + 1) % n);
        else update(true);
        break;
      case 'ArrowUp':
        if (!open()) return;
        keep();
        reach(active < 0 ? n - 1 : active - 1); // from the first back to the box
        break;
      case 'Enter':
        if (!open() || active < 0) return void close();
        choose(active);
        break;
      case 'Escape':
        if (!open()) return void close();
        close();
        event.stopPropagation(); // else it leaves the box
        break;
      default:
        return;
    }
    event.preventDefault();
  });
  if (input.value !== before) later(false); // somebody was quicker than the network
}
