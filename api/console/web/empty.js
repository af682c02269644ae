// Why a search has found nothing, and what to try.

import { h, fill } from './dom.js';
import { textCriteria } from './state.js';

const labels = { callerPhoneNumber: 'Caller', dialedPhoneNumber: 'Dialed', userName: 'Name', userData: 'User data', startTime: 'From', endTime: 'To' };

/** Fills the note that stands in place of results. again searches for something else. */
export function emptyNote(search, note, again) {
  note.hidden = false;
  fill(note, h('h2', {}, 'No call matches'),
    h('p', {}, 'All criteria have to match. ', widen(search).length > 0 && 'A word stands for a whole number, name or value: with stars it may be a part.'),
    h('div', { class: 'row' }, widen(search).map(([name, value]) => h('button', {
      type: 'button', onclick: () => again({ ...search, criteria: { ...search.criteria, [name]: value } }),
    }, `${labels[name]}: ${value}`))));
}

/** The criteria without a star, each as a part of what is stored. */
function widen(search) {
  return textCriteria.filter((name) => search.criteria[name] && !/[*"]|\bAND\b/.test(search.criteria[name]))
    .map((name) => [name, search.criteria[name].trim().split(/\s+/).map((term) => `*${term}*`).join(' ')]);
}
