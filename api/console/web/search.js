// The form of the criteria. It searches as one types.

import { h, debounce } from './dom.js';
import { rangeOf, timeCriteria } from './state.js';
import { periods, toField, fromField, currentZone } from './time.js';

const fields = [
  { name: 'callerPhoneNumber', label: 'Caller', hint: '* stands for any digits: *4668', inputmode: 'text' },
  { name: 'dialedPhoneNumber', label: 'Dialed', hint: '* stands for any digits: +1800*', inputmode: 'text' },
  { name: 'userName', label: 'Name', hint: 'Any of the words; both with AND; “in quotes” as one; *' },
  { name: 'userData', label: 'User data', hint: 'Whole values; words, AND, “quotes” and * as above' },
];

/**
 * How long the form waits for the next key, in milliseconds; longer in the middle of a quote,
 * behind AND, and in a time, which has many keys.
 */
const pause = 50;
const longPause = 900;

const unfinished = (text) => text.split('"').length % 2 === 0 || /(^|\s)AND\s*$/.test(text);

/**
 * The form. onSearch is called with what is searched for, and the name of the field that was
 * changed.
 */
export function searchForm(onSearch) {
  let search;
  let zone; // of the times in the fields
  const inputs = {};
  const problems = {};

  const run = debounce(
    (field) =>
      timeCriteria.includes(field) || Object.values(search.criteria).some(unfinished) ? longPause : pause,
    (field) => onSearch(search, field),
  );

  const field = ({ name, label, hint, ...more }) => {
    inputs[name] = h('input', {
      id: name,
      name,
      type: 'search',
      autocomplete: 'off',
      autocapitalize: 'none',
      spellcheck: 'false',
      dir: 'auto',
      maxlength: 1024,
      'aria-describedby': `${name}-problem ${name}-hint`,
      ...more,
      oninput: () => {
        set(name, inputs[name].value);
        run(name);
      },
    });
    problems[name] = h('p', { class: 'problem', id: `${name}-problem`, role: 'alert' });
    return h(
      'div',
      { class: 'field' },
      h('label', { for: name }, label),
      inputs[name],
      h('p', { class: 'hint', id: `${name}-hint` }, hint),
      problems[name],
    );
  };

  const set = (name, value) => {
    const criteria = { ...search.criteria };
    if (value) criteria[name] = value;
    else delete criteria[name];
    search = { ...search, criteria };
  };

  const timeField = (name, label) => {
    inputs[name] = h('input', {
      id: name,
      name,
      type: 'datetime-local',
      'aria-describedby': `${name}-problem`,
      onchange: () => {
        setTimes(name);
        run(name);
      },
    });
    problems[name] = h('p', { class: 'problem', id: `${name}-problem`, role: 'alert' });
    return h('div', { class: 'field' }, h('label', { for: name }, label), inputs[name], problems[name]);
  };

  /** Takes up the field that was changed; the other may hold more than it shows, such as seconds. */
  const setTimes = (name) => {
    let [from, to] = rangeOf(search);
    if (name === 'startTime') from = fromField(inputs.startTime.value);
    else to = fromField(inputs.endTime.value, { last: true });

    const open = Number.isNaN(from) && Number.isNaN(to);
    search = { ...search, from, to, period: open ? '' : 'custom' };
    showPeriod();
  };

  const chips = periods.map(({ key, label }) =>
    h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'aria-pressed': 'false',
        'data-period': key,
        onclick: () => {
          search = { ...search, period: key, from: NaN, to: NaN };
          showTimes();
          run.now('period');
        },
      },
      label,
    ),
  );

  const showPeriod = () => {
    for (const chip of chips) chip.setAttribute('aria-pressed', String(chip.dataset.period === search.period));
    clear.disabled = search.period === '' && Object.keys(search.criteria).length === 0;
  };

  const showTimes = () => {
    const [from, to] = rangeOf(search);
    zone = currentZone();
    inputs.startTime.value = Number.isFinite(from) ? toField(from) : '';
    inputs.endTime.value = Number.isFinite(to) ? toField(to) : '';
    showPeriod();
  };

  const clear = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      onclick: () => {
        show({ criteria: {}, period: '', from: NaN, to: NaN });
        run.now('clear');
        inputs.callerPhoneNumber.focus();
      },
    },
    'Clear all',
  );

  /**
   * Shows what is searched for, without searching. What comes from the form itself is there
   * already: a time may be half typed.
   */
  const show = (s) => {
    tell({});
    if (s === search && zone === currentZone()) return;
    search = s;
    for (const { name } of fields) {
      const value = s.criteria[name] ?? '';
      if (inputs[name].value !== value) inputs[name].value = value;
    }
    showTimes();
  };

  /** Shows at each field what the API says about it. */
  const tell = (errors) => {
    for (const [name, element] of Object.entries(problems)) {
      element.textContent = errors[name] ? `This ${errors[name]}.` : '';
      if (errors[name]) inputs[name].setAttribute('aria-invalid', 'true');
      else inputs[name].removeAttribute('aria-invalid');
    }
  };

  const element = h(
    'form',
    {
      class: 'search-form',
      role: 'search',
      'aria-label': 'Search criteria',
      onsubmit: (event) => {
        event.preventDefault();
        run.now('submit');
      },
    },
    fields.map(field),
    h(
      'fieldset',
      { class: 'period' },
      h('legend', {}, 'When'),
      h('div', { class: 'chips' }, chips),
      timeField('startTime', 'Started at or after'),
      timeField('endTime', 'Ended at or before'),
    ),
    h('div', { class: 'form-end' }, clear),
    h('button', { type: 'submit', hidden: true }),
  ); // without one, Enter does nothing
  element.addEventListener('input', showPeriod);

  return {
    element,
    show,
    tell,
    focus: () => {
      inputs.callerPhoneNumber.focus();
      inputs.callerPhoneNumber.select();
    },
  };
}
