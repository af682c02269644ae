// The form of the criteria. It searches as one types.

import { h, debounce } from './dom.js';
import { finishedPart, isUnfinished, toBox, toCriterion } from './boxes.js';
import { boxOf, criteria, from as fromName, kindOf, labelOf, to as toName } from './criteria.js';
import { toDataBox, toDataCriteria } from './data.js';
import { fetched, styled } from './later.js';
import { refusalText } from './refusals.js';
import { emptySearch, rangeOf } from './state.js';
import { periods, toField, fieldsDiffer, fromField, currentZone, isoTime, moment, parseTime } from './time.js';
import { t } from './texts.js';

/** How long the form waits for the next key, in milliseconds; longer in a time, which has many keys. */
const pause = 30;
const longPause = 900;

/** The text of the choice that a value is not just a part of what is looked for, by the kind of the box. */
const wholeWords = { number: 'search.wholeNumber', value: 'search.wholeValue' };

/** Criteria that nothing meets both of when the second is less than the first; of times, also when it is the same. */
const spans = [
  [fromName, toName],
  ['minDuration', 'maxDuration'],
  ['endedAfter', 'endTime'],
];

/** Those of the spans, as [from, to], that are the wrong way round in a search. */
function crossed(search) {
  const [from, to] = rangeOf(search);
  const value = (name) => {
    const given = { [fromName]: from, [toName]: to }[name] ?? search.criteria[name] ?? NaN;
    return kindOf(name) === 'time' && typeof given === 'string' ? parseTime(given) : Number(given);
  };
  return spans.filter(([first, last]) => {
    const length = value(last) - value(first);
    return kindOf(first) === 'time' ? length <= 0 : length < 0;
  });
}

/** The criteria of a box, as a text that tells them apart. */
const ofBox = (name, all) => JSON.stringify(Object.entries(all).filter(([each]) => boxOf(each) === name));

/**
 * The form. onSearch is called with what is searched for, and the name of the field that was
 * changed; onHalf when what is typed becomes half of something, or is that no longer.
 */
export function searchForm(onSearch, onHalf) {
  let search;
  let zone; // of the times in the fields
  const inputs = {};
  const wholes = {}; // the choices beside the boxes that have one
  const problems = {};

  let half = ''; // the name of the box in which something is half typed
  const run = debounce(
    (name) => (kindOf(name) === 'time' ? longPause : pause),
    (name) => onSearch(search, name),
  );

  const set = (name, value) => {
    const changed = { ...search.criteria };
    if (value) changed[name] = value;
    else delete changed[name];
    search = { ...search, criteria: changed };
  };

  /** The criteria that a text makes in a box, by their names, and what is wrong with it: { criteria, problem }. */
  const read = (name, text) => {
    if (name === 'userData') return toDataCriteria(text); // which may be several, by the keys in it
    const criterion = toCriterion(kindOf(name), text, wholes[name]?.checked);
    return { criteria: criterion ? { [name]: criterion } : {}, problem: '' };
  };

  /** Has a text searched for, unless it makes what is searched for already; reports whether it is something else. */
  const put = (name, text) => {
    const { criteria: taken, problem } = read(name, text);
    if (name === 'userData') tellAt(name, problem);
    const changed = { ...search.criteria };
    for (const each of Object.keys(changed)) if (boxOf(each) === name) delete changed[each];
    Object.assign(changed, taken);
    if (problem || ofBox(name, changed) === ofBox(name, search.criteria)) return false;
    search = { ...search, criteria: changed };
    showPeriod();
    return true;
  };

  const setHalf = (name) => {
    if (half === name) return;
    half = name;
    onHalf(name !== '');
  };

  /**
   * Takes up the box that was changed; a blank at its end, say, asks for nothing else. Of what is half typed
   * the part that is finished is searched for, until one goes on or leaves the box.
   */
  const take = (name) => {
    const text = inputs[name].value;
    const isHalf = kindOf(name) === 'expression' && isUnfinished(text);
    setHalf(isHalf ? name : '');
    if (put(name, isHalf ? finishedPart(text) : text)) run(name);
  };

  /** Searches for what is half typed in a box, as it stands: the API says what is wrong with it. */
  const takeHalf = (name, field) => {
    setHalf('');
    put(name, inputs[name].value);
    run.now(field);
  };

  const problemOf = (name) => {
    problems[name] = h('p', { class: 'problem', id: `${name}-problem`, role: 'alert' });
    return problems[name];
  };

  const wholeOf = (name, kind) => {
    wholes[name] = h('input', { type: 'checkbox', id: `${name}-whole`, onchange: () => take(name) });
    return h('label', { class: 'whole', for: `${name}-whole` }, wholes[name], t(wholeWords[kind]));
  };

  /** What a box needs that suggests what may be meant; it is fetched when somebody first comes to it. */
  const combobox = ({ name, kind }) => {
    let begun = false;
    const begin = async () => {
      if (begun) return;
      begun = true;
      const before = inputs[name].value;
      try {
        const load = () => Promise.all([import('./suggest.js'), styled('suggest.css')]);
        const [{ suggesting }] = await fetched(load);
        suggesting(inputs[name], { name, kind, label: labelOf(name), search: () => search, before });
      } catch {
        begun = false; // one can do without, and the next time it may be there
      }
    };
    return { role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': 'false', onfocus: begin };
  };

  const textField = ({ name, kind, hint, suggests }) => {
    inputs[name] = h('input', {
      id: name,
      name,
      type: suggests ? 'text' : 'search', // that of a combobox has to be this
      enterkeyhint: 'search',
      ...(suggests && combobox({ name, kind })),
      autocomplete: 'off',
      autocapitalize: 'none',
      spellcheck: 'false',
      dir: 'auto',
      maxlength: 1000, // characters; the API takes a few more with the stars
      inputmode: kind === 'seconds' ? 'numeric' : 'text',
      'aria-describedby': hint ? `${name}-problem ${name}-hint` : `${name}-problem`,
      oninput: () => take(name),
      onblur: () => half === name && takeHalf(name, name),
    });
    return h(
      'div',
      { class: 'field' },
      h(
        'div',
        { class: 'label-row' },
        h('label', { for: name }, labelOf(name)),
        wholeWords[kind] && wholeOf(name, kind),
      ),
      inputs[name],
      hint && h('p', { class: 'hint', id: `${name}-hint` }, t(`criteria.${name}_hint`)),
      problemOf(name),
    );
  };

  /** Fills in the moment of a field, NaN if it has none. */
  const fillTime = (name, ms) => {
    inputs[name].value = Number.isFinite(ms) ? toField(ms) : '';
    readTime(name, ms);
  };

  const differ = fieldsDiffer();
  const told = {}; // where the moments are told in the page's own language, if the fields have another one
  const readTime = (name, ms) => {
    if (differ) told[name].textContent = Number.isFinite(ms) ? moment(ms) : '';
  };

  const timeField = ({ name, last }) => {
    told[name] = h('p', { class: 'hint', id: `${name}-told` });
    inputs[name] = h('input', {
      id: name,
      name,
      type: 'datetime-local',
      'aria-describedby': `${name}-problem ${name}-told`,
      onchange: () => {
        const ms = fromField(inputs[name].value, { last });
        readTime(name, ms);
        if (name === fromName || name === toName) setTimes(name, ms);
        else set(name, Number.isFinite(ms) ? isoTime(ms) : '');
        showPeriod();
        run(name);
      },
    });
    const label = h('label', { for: name }, labelOf(name));
    return h('div', { class: 'field' }, label, inputs[name], told[name], problemOf(name));
  };

  const choiceField = ({ name, options }) => {
    inputs[name] = h(
      'select',
      { id: name, name, 'aria-describedby': `${name}-problem`, onchange: () => take(name) },
      options.map((value) => h('option', { value }, t(`criteria.${name}_${value || 'any'}`))),
    );
    return h('div', { class: 'field' }, h('label', { for: name }, labelOf(name)), inputs[name], problemOf(name));
  };

  const fieldOf = (criterion) =>
    ({ time: timeField, choice: choiceField })[criterion.kind]?.(criterion) ?? textField(criterion);

  /** Takes up the field that was changed; the other may hold more than it shows, such as seconds. */
  const setTimes = (name, ms) => {
    let [from, to] = rangeOf(search);
    if (name === fromName) from = ms;
    else to = ms;

    const open = Number.isNaN(from) && Number.isNaN(to);
    search = { ...search, from, to, period: open ? '' : 'custom' };
  };

  const chips = periods.map((key) =>
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
      t(`period.${key || 'any'}`),
    ),
  );

  const showPeriod = () => {
    for (const chip of chips) chip.setAttribute('aria-pressed', String(chip.dataset.period === search.period));
    clear.disabled = search.period === '' && Object.keys(search.criteria).length === 0;
  };

  const showTimes = () => {
    const [from, to] = rangeOf(search);
    zone = currentZone();
    fillTime(fromName, from);
    fillTime(toName, to);
    showPeriod();
  };

  const clear = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      onclick: () => {
        show({ ...emptySearch(), sort: search.sort });
        run.now('clear');
        inputs.callerPhoneNumber.focus();
      },
    },
    t('search.clear'),
  );

  /**
   * Shows what is searched for, without searching. What comes from the form itself is there
   * already: a time may be half typed.
   */
  const show = (s) => {
    if (s === search && zone === currentZone()) return void tell({});
    setHalf('');
    search = s;
    for (const { name, kind } of criteria) if (name !== fromName && name !== toName) showValue(name, kind);
    if (criteria.some((c) => c.more && s.criteria[c.name])) more.open = true;
    showTimes();
    tell({});
  };

  const showValue = (name, kind) => {
    if (name === 'userData') {
      const there = toDataCriteria(inputs.userData.value);
      if (there.problem || ofBox(name, there.criteria) !== ofBox(name, search.criteria))
        inputs.userData.value = toDataBox(search.criteria);
      return;
    }
    const value = search.criteria[name] ?? '';
    if (kind === 'time') {
      fillTime(name, value ? parseTime(value) : NaN);
      return;
    }
    // What makes the same criterion is there already, as somebody has typed it.
    if (toCriterion(kind, inputs[name].value, wholes[name]?.checked) === value) return;
    const box = value ? toBox(kind, value) : { text: '', whole: false };
    inputs[name].value = box.text;
    if (wholes[name]) wholes[name].checked = box.whole;
  };

  const tellAt = (name, error) => {
    problems[name].textContent = error;
    if (error) inputs[name].setAttribute('aria-invalid', 'true');
    else inputs[name].removeAttribute('aria-invalid');
  };

  /** Shows at each field what the API says about it, and where a span is the wrong way round, which it takes. */
  const tell = (errors) => {
    const wrong = Object.fromEntries(
      Object.entries(errors).map(([name, error]) => [boxOf(name), refusalText(error)]),
    );
    for (const [first, last] of crossed(search)) wrong[last] ??= t('search.crossed', { label: labelOf(first) });
    for (const name of Object.keys(problems)) tellAt(name, wrong[name] ?? '');
    if (criteria.some((c) => c.more && errors[c.name])) more.open = true;
  };

  const main = criteria.filter((c) => !c.more);
  const more = h(
    'details',
    { class: 'more' },
    h('summary', {}, t('search.more')),
    criteria.filter((c) => c.more).map(fieldOf),
  );
  const element = h(
    'form',
    {
      class: 'search-form',
      role: 'search',
      'aria-label': t('search.title'),
      onsubmit: (event) => {
        event.preventDefault();
        if (half) takeHalf(half, 'submit');
        else run.now('submit');
      },
    },
    main.filter((c) => c.kind !== 'time').map(fieldOf),
    h(
      'fieldset',
      { class: 'period' },
      h('legend', {}, t('search.when')),
      h('div', { class: 'chips' }, chips),
      main.filter((c) => c.kind === 'time').map(fieldOf),
    ),
    more,
    h('div', { class: 'form-end' }, clear),
    h('button', { type: 'submit', hidden: true }), // without one, Enter does nothing
  );

  return {
    element,
    show,
    tell,
    /** Searches for the same in another order. */
    reorder: (sort) => {
      search = { ...search, sort };
      run.now('sort');
    },
    focus: () => {
      inputs.callerPhoneNumber.focus();
      inputs.callerPhoneNumber.select();
    },
  };
}
