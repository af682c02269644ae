// Why a search has found nothing, and what to try.

import { h, fill } from './dom.js';
import { ask, base } from './api.js';
import { criteriaOf, textCriteria } from './state.js';
import { moment, parseTime } from './time.js';

const labels = {
  callerPhoneNumber: 'Caller',
  dialedPhoneNumber: 'Dialed',
  userName: 'Name',
  userData: 'User data',
  startTime: 'Started at or after',
  endTime: 'Ended at or before',
};

/** Fills the note that stands in place of results. again searches for something else. */
export function emptyNote(search, note, again) {
  const criteria = criteriaOf(search);
  const wider = widen(search);
  const why = h('div', { class: 'why', 'aria-live': 'polite' });
  note.hidden = false;
  if (criteria.toString() === 'startTime=0') {
    fill(
      note,
      h('h2', {}, 'There are no calls yet'),
      h('p', {}, 'Calls appear here as soon as the recorder has posted them.'),
    );
    return;
  }
  fill(
    note,
    h('h2', {}, 'No call matches'),
    h(
      'p',
      {},
      criteria.size > 1 ? 'All of the criteria have to match. Alone, each finds:' : 'No call has this.',
    ),
    why,
    wider.length > 0 && [
      h('p', {}, 'Without stars, a word stands for a whole number, name or value. As a part:'),
      h(
        'div',
        { class: 'row' },
        wider.map(([name, value]) =>
          h(
            'button',
            {
              type: 'button',
              onclick: () => again({ ...search, criteria: { ...search.criteria, [name]: value } }),
            },
            `${labels[name]} `,
            h('b', {}, h('bdi', {}, value)),
          ),
        ),
      ),
    ],
  );
  if (criteria.size > 1) explain(criteria, why);
}

/** Tells how many each criterion finds alone. */
async function explain(criteria, why) {
  try {
    const answer = await ask(`${base()}/recordings?${criteria}&limit=1&explain=true`);
    fill(
      why,
      h(
        'dl',
        { class: 'facts' },
        answer.explain.map((x) => [
          h('dt', {}, labels[x.parameter], ' ', h('bdi', {}, valueText(x))),
          h(
            'dd',
            { class: x.matches === 0 ? 'none' : '' },
            x.matches === 1 ? '1 call' : `${x.matches.toLocaleString()} calls`,
          ),
        ]),
      ),
    );
  } catch (error) {
    fill(why, h('p', {}, error.message));
  }
}

const valueText = ({ parameter, value }) =>
  parameter.endsWith('Time')
    ? moment(parseTime(value))
    : `“${value.length > 80 ? `${value.slice(0, 80)}…` : value}”`;

/** The criteria without a star, each as a part of what is stored. */
function widen(search) {
  return textCriteria
    .filter((name) => search.criteria[name] && !/[*"]|\bAND\b/.test(search.criteria[name]))
    .map((name) => [
      name,
      search.criteria[name]
        .trim()
        .split(/\s+/)
        .map((term) => `*${term}*`)
        .join(' '),
    ]);
}
