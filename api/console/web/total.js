// How many calls match, exactly: on request, since counting takes longer than finding the first
// ones.

import { h, announce } from './dom.js';
import { ask, base } from './api.js';
import { criteriaOf } from './state.js';

/** The number of calls that match a search. */
export async function countAll(search, signal) {
  return (await ask(`${base()}/recordings?${criteriaOf(search)}&limit=1&total=true`, { signal })).total;
}

/** A button that counts; list is the list of results. */
export function countButton(list) {
  const button = h(
    'button',
    { type: 'button', class: 'quiet', title: 'Count all calls that match' },
    'Count all',
  );
  button.addEventListener('click', async () => {
    const search = list().current();
    button.disabled = true;
    button.textContent = 'Counting…';
    try {
      const total = await countAll(search);
      if (list().current() === search) list().setTotal(total);
      announce(`${total} calls`);
    } catch (error) {
      list().say(error.message);
    } finally {
      button.disabled = false;
      button.textContent = 'Count all';
    }
  });
  return button;
}
