// How many calls match, exactly: on request, since counting takes longer than finding the first
// ones.

import { h, announce } from './dom.js';
import { ask, base } from './api.js';
import { criteriaOf } from './state.js';
import { t } from './texts.js';

/** The number of calls that match a search. */
export async function countAll(search, signal) {
  return (await ask(`${base()}/recordings?${criteriaOf(search)}&limit=1&total=true`, { signal })).total;
}

/** A button that counts; list is the list of results. */
export function countButton(list) {
  const button = h(
    'button',
    { type: 'button', class: 'quiet', title: t('total.about') },
    t('total.count'),
  );
  button.addEventListener('click', async () => {
    const search = list().current();
    button.disabled = true;
    button.textContent = t('common.counting');
    try {
      const total = await countAll(search);
      if (list().current() === search) list().setTotal(total);
      announce(t('common.calls', { n: total }));
    } catch (error) {
      list().say(error.message);
    } finally {
      button.disabled = false;
      button.textContent = t('total.count');
    }
  });
  return button;
}
