// Retention: which calls go by themselves, when they last did, and what would go today.

import { h, fill } from './dom.js';
import { ask } from './api.js';
import { criteriaFacts } from './deletions.js';
import { moment, parseTime } from './time.js';
import { t } from './texts.js';

/** The card of retention, of all contact centers. */
export function retentionCard() {
  const list = h('ul', { class: 'left-list jobs' });
  const status = h('p', { class: 'muted', role: 'status' });
  const button = h('button', { type: 'button', hidden: true }, t('retention.see'));

  const look = async (dryRun = false) => {
    button.disabled = true;
    status.textContent = dryRun ? t('common.counting') : '';
    try {
      const { policies } = await ask(`api/v2/ops/retention${dryRun ? '?dryRun=true' : ''}`);
      fill(list, policies.map(policyItem));
      button.hidden = policies.length === 0;
      status.textContent = policies.length === 0 ? t('retention.none') : '';
    } catch (error) {
      status.textContent = error.message;
    }
    button.disabled = false;
  };
  button.addEventListener('click', () => look(true));

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': t('retention.title') },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, t('retention.title')),
          h('p', { class: 'muted' }, t('retention.about')),
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
    t('retention.after', { time: p.after }),
    t(p.subresources ? 'retention.withMedia' : 'retention.metadataOnly'),
    p.between && t('retention.between', { times: p.between }),
    t('retention.atMost', { percent: p.maxShare }),
  ];
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'job' },
      h('b', {}, h('bdi', {}, p.name)),
      h('p', { class: 'muted' }, rules.filter(Boolean).join(' · ')),
      h('details', {}, h('summary', { class: 'muted' }, t('deletions.criteria')), criteriaFacts(p.criteria)),
      h('ul', { class: 'samples' }, p.centers.map(centerItem)),
    ),
  );
}

function centerItem({ contactCenter, last, today, in30Days }) {
  const before = last ? `${last.verdict || last.phase}, ${moment(parseTime(last.created))}` : t('retention.notYet');
  return h(
    'li',
    {},
    h('bdi', {}, contactCenter),
    h('span', { class: 'muted' }, before),
    today && h('span', {}, forecast('retention.today', today)),
    in30Days && h('span', {}, forecast('retention.in30Days', in30Days)),
  );
}

/** What would go, as a list of short sentences; key is that of the first, which says when. */
const forecast = (key, { matched, held, unconfirmed }) =>
  [
    t(key, { n: matched - held }),
    held > 0 && t('retention.held', { n: held }),
    unconfirmed && t('retention.unconfirmed'),
  ]
    .filter(Boolean)
    .join(' · ');
