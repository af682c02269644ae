// The criteria in a narrow window, where they are folded away: how many are on and which, and the way from
// them to the calls. In a wide window they stand beside the calls, and none of this is shown.

import { h, fill, icon } from './dom.js';
import { describe } from './advice.js';
import { from as fromName, labelOf, to as toName } from './criteria.js';
import { keptIn } from './state.js';
import { moment } from './time.js';
import { t } from './texts.js';

/** What a search asks for, one by one: each { text, without }, the search without it. */
export function criteriaIn(search) {
  const all = keptIn(search).map((name) => {
    const criteria = { ...search.criteria };
    delete criteria[name];
    return { text: describe(name, search.criteria[name]), without: { ...search, criteria } };
  });
  if (search.period && search.period !== 'custom') {
    all.push({ text: t(`period.${search.period}`), without: { ...search, period: '' } });
    return all;
  }

  for (const [name, key, other] of [
    [fromName, 'from', 'to'],
    [toName, 'to', 'from'],
  ]) {
    if (!Number.isFinite(search[key])) continue;
    const period = Number.isFinite(search[other]) ? 'custom' : '';
    const text = t('criterion.plain', { label: labelOf(name), text: moment(search[key]) });
    all.push({ text, without: { ...search, [key]: NaN, period } });
  }
  return all;
}

/**
 * What stands around the folded form: { summary, chips, button, show, found }. again searches for something
 * else, close folds the form and goes to the calls. show takes up what is searched for, found how many calls
 * there are, NaN while that is not known.
 */
export function foldedCriteria({ again, close }) {
  const on = h('span', { class: 'criteria-on' });
  const summary = h('summary', {}, icon('search'), t('search.title'), on);
  const chips = h('ul', { class: 'criteria-chips', 'aria-label': t('folded.title') });
  const button = h('button', { type: 'button', class: 'primary show-found', onclick: close });

  const chipOf = ({ text, without }) => {
    const remove = () => {
      again(without);
      (chips.querySelector('button') ?? summary).focus();
    };
    const label = t('folded.remove', { criterion: text });
    const properties = { type: 'button', class: 'chip', 'aria-label': label, onclick: remove };
    return h('li', {}, h('button', properties, h('span', {}, text), icon('close')));
  };

  return {
    summary,
    chips,
    button,
    show: (search) => {
      const all = criteriaIn(search);
      fill(chips, all.map(chipOf));
      chips.hidden = all.length === 0;
      on.textContent = all.length === 0 ? '' : t('folded.on', { n: all.length });
    },
    found: (n) => {
      button.textContent = Number.isFinite(n) ? t('folded.show', { n }) : t('folded.showAny');
    },
  };
}
