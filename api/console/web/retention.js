// Retention: which calls go by themselves, when they last did, and what would go today.

import { h, fill } from './dom.js';
import { ask } from './api.js';
import { criteriaFacts } from './deletions.js';
import { moment, parseTime } from './time.js';

const number = (n) => n.toLocaleString();

/** The card of retention, of all contact centers. */
export function retentionCard() {
  const list = h('ul', { class: 'left-list jobs' });
  const status = h('p', { class: 'muted', role: 'status' });
  const button = h('button', { type: 'button', hidden: true }, 'What would go?');

  const look = async (dryRun = false) => {
    button.disabled = true;
    status.textContent = dryRun ? 'Counting…' : '';
    try {
      const { policies } = await ask(`api/v2/ops/retention${dryRun ? '?dryRun=true' : ''}`);
      fill(list, policies.map(policyItem));
      button.hidden = policies.length === 0;
      status.textContent = policies.length === 0 ? 'The configuration has no policies: nothing goes by itself.' : '';
    } catch (error) {
      status.textContent = error.message;
    }
    button.disabled = false;
  };
  button.addEventListener('click', () => look(true));

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': 'Retention' },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, 'Retention'),
          h('p', { class: 'muted' }, 'Calls that go by themselves, by the policies of the configuration.'),
        ),
        button,
      ),
      status,
      list,
    ),
    show: () => look(),
  };
}

function policyItem(p) {
  const rules = [
    `${p.after} after their end`,
    p.subresources ? 'with their media' : 'their metadata only',
    p.between && `between ${p.between}`,
    `at most ${p.maxShare} % at once`,
  ];
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'job' },
      h('b', {}, h('bdi', {}, p.name)),
      h('p', { class: 'muted' }, rules.filter(Boolean).join(' · ')),
      h('details', {}, h('summary', { class: 'muted' }, 'Criteria'), criteriaFacts(p.criteria)),
      h('ul', { class: 'samples' }, p.centers.map(centerItem)),
    ),
  );
}

function centerItem({ contactCenter, last, today, in30Days }) {
  const before = last ? `${last.verdict || last.phase}, ${moment(parseTime(last.created))}` : 'not yet';
  return h(
    'li',
    {},
    h('bdi', {}, contactCenter),
    h('span', { class: 'muted' }, before),
    today && h('span', {}, forecast('today', today)),
    in30Days && h('span', {}, forecast('in 30 days', in30Days)),
  );
}

const forecast = (when, { matched, held, unconfirmed }) =>
  `${when}: ${number(matched - held)} would go` +
  (held > 0 ? `, ${number(held)} under hold would stay` : '') +
  (unconfirmed ? '; it would wait to be confirmed' : '');
