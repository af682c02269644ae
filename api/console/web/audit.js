// The audit log: who did what in the contact center.

import { h, fill, debounce } from './dom.js';
import { askLines, auditPath, may, session } from './api.js';
import { moment, parseTime } from './time.js';
import { text } from './summary.js';

/** How many entries are shown first, and how many the API gives at most. */
const first = 100;
const most = 1000;

const actions = [
  ['signIn', 'signed in'],
  ['signOut', 'signed out'],
  ['search', 'searched'],
  ['count', 'counted over time'],
  ['suggest', 'had suggestions'],
  ['view', 'looked at a call'],
  ['play', 'listened'],
  ['preview', 'had media drawn'],
  ['download', 'saved media'],
  ['export', 'exported'],
  ['post', 'posted'],
  ['delete', 'deleted a call'],
  ['forget', 'took media off the list'],
  ['retry', 'tried to delete media again'],
  ['hold', 'put under hold'],
  ['release', 'released from hold'],
  ['label', 'labeled'],
  ['deletion', 'deleted many'],
  ['retention', 'ran retention'],
  ['reconcile', 'reconciled'],
];
const outcomes = {
  begun: ': begun',
  partly: ': not all of it',
  invalid: ': not understood',
  refused: ': refused',
  notFound: ': nothing there',
  failed: ': failed',
};
const wordsOf = (action) => actions.find(([name]) => name === action)?.[1] ?? action;

/** The view of the audit log. openCall shows a recording. */
export function auditView({ openCall }) {
  let asking = null;
  let count = first;
  const status = h('p', { class: 'muted', role: 'status' });
  const body = h('tbody');
  const table = h(
    'table',
    { class: 'lines' },
    h(
      'thead',
      {},
      h('tr', {}, ['When', 'Who', 'What', 'Call', 'More'].map((name) => h('th', { scope: 'col' }, name))),
    ),
    body,
  );
  const more = h('button', { type: 'button', hidden: true }, 'Show older entries');

  const look = async () => {
    asking?.abort();
    const mine = (asking = new AbortController());
    status.textContent = 'Reading the audit log…';
    try {
      const query = Object.fromEntries(
        Object.entries(fields).flatMap(([name, field]) => (field.value.trim() ? [[name, field.value.trim()]] : [])),
      );
      const lines = await askLines(auditPath({ ...query, newest: count }), { signal: mine.signal });
      fill(body, lines.reverse().map(rowOf));
      table.hidden = lines.length === 0;
      more.hidden = lines.length < count;
      more.disabled = count >= most;
      if (lines.length === 0) status.textContent = 'The audit log has no such entry.';
      else if (lines.length < count) status.textContent = lines.length === 1 ? '1 entry' : `${lines.length} entries`;
      else status.textContent = `The newest ${lines.length} entries${count < most ? '' : '; the API has all of them'}`;
    } catch (error) {
      if (mine.signal.aborted) return;
      fill(body);
      table.hidden = more.hidden = true;
      fill(status, `${error.message} `, h('button', { type: 'button', onclick: look }, 'Try again'));
    }
  };
  const soon = debounce(() => 250, look);
  const again = () => {
    count = first;
    soon();
  };
  more.addEventListener('click', () => {
    count = Math.min(most, count * 5);
    look();
  });

  const input = () => h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false', oninput: again });
  const fields = {
    user: input(),
    action: h(
      'select',
      { onchange: again },
      h('option', { value: '' }, 'anything'),
      actions.map(([value, words]) => h('option', { value }, words)),
    ),
    recording: input(),
  };
  const field = (label, name) => h('label', { class: 'field' }, label, fields[name]);

  const rowOf = (line) =>
    h(
      'tr',
      {},
      h('td', {}, moment(parseTime(line.time))),
      h('td', {}, h('b', {}, h('bdi', {}, line.user ?? '')), h('span', { class: 'muted' }, ` ${line.address ?? ''}`)),
      h('td', {}, `${wordsOf(line.action)}${outcomes[line.outcome] ?? ''}`),
      h('td', {}, line.recording && callOf(line.recording)),
      h('td', { class: 'muted' }, detailOf(line)),
    );
  const callOf = (id) =>
    may('calls')
      ? h('button', { type: 'button', class: 'quiet link', onclick: () => openCall(id) }, h('bdi', {}, id))
      : h('bdi', {}, id);

  const name = h('bdi', {});
  const element = h(
    'div',
    { class: 'view operations', 'aria-label': 'Audit' },
    h('h1', { tabindex: -1 }, 'Audit'),
    h(
      'section',
      { class: 'card', 'aria-label': 'Audit log' },
      h('p', { class: 'muted' }, 'Who did what in the contact center ', name, ', the newest first.'),
      h(
        'form',
        { class: 'audit-form', role: 'search', 'aria-label': 'Entries', onsubmit: (event) => event.preventDefault() },
        field('User', 'user'),
        field('What', 'action'),
        field('Id of the call', 'recording'),
      ),
      status,
      h('div', { class: 'wide-table', tabindex: 0, role: 'region', 'aria-label': 'Entries of the log' }, table),
      more,
    ),
  );
  return {
    element,
    show: () => {
      name.textContent = session.contactCenter;
      look();
      element.querySelector('h1').focus({ preventScroll: true });
    },
    hide: () => asking?.abort(),
  };
}

/** What else an entry says: facts, and the personal detail if it was not erased. */
const detailOf = ({ facts = {}, detail = {} }) =>
  Object.entries({ ...detail, ...facts })
    .filter(([name]) => name !== 'begun')
    .map(([name, value]) => `${name}: ${text(value)}`)
    .join(', ');
