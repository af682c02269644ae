// The dialog in which one chooses the columns of the list of calls.

import { h, fill, add } from './dom.js';
import { ask, base } from './api.js';
import { choosable, columnOf, headOf, keyOf, longestKey, mostKeys, ordered, standard } from './columns.js';
import { styled } from './later.js';
import { form } from './marks.js';
import { t } from './texts.js';

/** How many keys are suggested. */
const suggested = 50;

/** Asks which columns there are to be; chosen is called with their names. */
export async function columnsDialog(columns, chosen) {
  await styled('later.css');
  const check = (name) => {
    const box = h('input', { type: 'checkbox', value: name });
    box.checked = columns.includes(name);
    return h('label', { class: 'about' }, box, h('bdi', {}, headOf(name)));
  };
  const known = h('datalist', { id: 'column-keys' });
  const key = h('input', {
    id: 'column-key',
    list: 'column-keys',
    maxlength: longestKey,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'column-key-problem',
    oninput: () => tell(''),
  });
  const problem = h('p', { class: 'problem', id: 'column-key-problem', role: 'alert' });
  const keys = h('div', { class: 'checks' }, columns.filter(keyOf).map(check));

  const tell = (words) => {
    problem.textContent = words;
    key.toggleAttribute('aria-invalid', words !== '');
  };

  /** A key as recordings spell it: letter case does not count. */
  const spelled = (name) =>
    [...known.options].find(({ value }) => value.toLowerCase() === name.toLowerCase())?.value ?? name;

  /** Adds the key that is typed, checked; reports whether there is no room for it. */
  const addKey = () => {
    const name = key.value.trim();
    if (name === '') return false;
    const same = boxes().find((box) => keyOf(box.value).toLowerCase() === name.toLowerCase());
    if (!same?.checked && chosenKeys() >= mostKeys) {
      tell(t('columns.tooMany', { n: mostKeys }));
      return true;
    }
    if (!same) add(keys, [check(columnOf(spelled(name)))]);
    (same ?? boxes(keys).at(-1)).checked = true;
    key.value = '';
    tell('');
    return false;
  };

  // It is the first button of the form, and so that of Enter; where nothing is typed, Enter sends the form.
  const adding = h('button', { type: 'submit', onclick: (event) => onAdd(event) }, t('columns.add'));
  const onAdd = (event) => {
    const byEnter = event.detail === 0 && document.activeElement !== adding;
    if (byEnter && key.value.trim() === '') return;
    event.preventDefault();
    if (!addKey()) key.focus();
  };

  const fields = h(
    'div',
    { class: 'columns-form' },
    h('p', { class: 'hint' }, t('columns.about')),
    h('fieldset', {}, h('legend', {}, t('columns.shown')), h('div', { class: 'checks' }, choosable.map(check))),
    h(
      'fieldset',
      {},
      h('legend', {}, t('columns.keys')),
      keys,
      h('label', { for: 'column-key' }, t('columns.key')),
      h('div', { class: 'beside' }, key, adding),
      problem,
      known,
    ),
    h('button', { type: 'button', class: 'quiet', onclick: () => use(standard) }, t('columns.reset')),
  );
  const boxes = (within = fields) => [...within.querySelectorAll('input[type=checkbox]')];
  const chosenKeys = () => boxes(keys).filter((box) => box.checked).length;

  const use = (names) => {
    dialog.close();
    chosen(names);
  };
  const act = async () => {
    const full = addKey() || chosenKeys() > mostKeys;
    tell(''); // the form tells it
    if (full) throw new Error(t('columns.tooMany', { n: mostKeys }));
    return {};
  };
  const done = () => chosen(ordered(boxes().filter((box) => box.checked).map((box) => box.value)));
  const dialog = form(t('columns.title'), fields, t('columns.submit'), act, done);
  fields.querySelector('input').focus();

  try {
    const path = `${base()}/recordings/suggestions?field=userDataKey&limit=${suggested}`;
    fill(known, (await ask(path)).suggestions.map(({ value }) => h('option', { value })));
  } catch {
    /* a key can be typed all the same */
  }
}
