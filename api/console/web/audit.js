// The audit log: who did what in the contact center.

import { h, fill, debounce } from './dom.js';
import { askLines, auditPath, may, session } from './api.js';
import { moment, parseTime } from './time.js';
import { text } from './summary.js';
import { hasText, sentence, t } from './texts.js';

/** How many entries are shown first, and how many the API gives at most. */
const first = 100;
const most = 1000;

const actions = [
  'signIn',
  'signOut',
  'search',
  'count',
  'suggest',
  'view',
  'play',
  'preview',
  'download',
  'export',
  'post',
  'delete',
  'forget',
  'retry',
  'hold',
  'release',
  'label',
  'comment',
  'save',
  'deletion',
  'retention',
  'reconcile',
];
const actionText = (action) => (hasText(`action.${action}`) ? t(`action.${action}`) : action);

/** What somebody did, and what came of it. */
const whatText = ({ action, outcome }) =>
  hasText(`outcome.${outcome}`)
    ? t(`outcome.${outcome}`, { action: actionText(action) })
    : actionText(action);

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
      h('tr', {}, ['when', 'who', 'what', 'call', 'more'].map((name) => h('th', { scope: 'col' }, t(`audit.${name}`)))),
    ),
    body,
  );
  const more = h('button', { type: 'button', hidden: true }, t('audit.older'));

  const look = async () => {
    asking?.abort();
    const mine = (asking = new AbortController());
    status.textContent = t('audit.reading');
    try {
      const query = Object.fromEntries(
        Object.entries(fields).flatMap(([name, field]) => (field.value.trim() ? [[name, field.value.trim()]] : [])),
      );
      const lines = await askLines(auditPath({ ...query, newest: count }), { signal: mine.signal });
      fill(body, lines.reverse().map(rowOf));
      table.hidden = lines.length === 0;
      more.hidden = lines.length < count;
      more.disabled = count >= most;
      if (lines.length === 0) status.textContent = t('audit.nothing');
      else if (lines.length < count) status.textContent = t('audit.entries', { n: lines.length });
      else status.textContent = t(count < most ? 'audit.newest' : 'audit.newestOfAll', { n: lines.length });
    } catch (error) {
      if (mine.signal.aborted) return;
      fill(body);
      table.hidden = more.hidden = true;
      fill(status, `${error.message} `, h('button', { type: 'button', onclick: look }, t('common.tryAgain')));
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
      h('option', { value: '' }, t('audit.anything')),
      actions.map((action) => h('option', { value: action }, t(`action.${action}`))),
    ),
    recording: input(),
  };
  const field = (label, name) => h('label', { class: 'field' }, label, fields[name]);

  const rowOf = (line) =>
    h(
      'tr',
      {},
      h('td', {}, moment(parseTime(line.time))),
      h(
        'td',
        {},
        h('b', {}, h('bdi', {}, line.user ?? '')),
        h('span', { class: 'muted address' }, ` ${line.address ?? ''}`),
      ),
      h('td', {}, whatText(line)),
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
    { class: 'view operations', 'aria-label': t('view.audit') },
    h('h1', { tabindex: -1 }, t('view.audit')),
    h(
      'section',
      { class: 'card', 'aria-label': t('audit.log') },
      h('p', { class: 'muted' }, sentence('audit.about', { center: name })),
      h(
        'form',
        {
          class: 'audit-form',
          role: 'search',
          'aria-label': t('audit.form'),
          onsubmit: (event) => event.preventDefault(),
        },
        field(t('audit.user'), 'user'),
        field(t('audit.what'), 'action'),
        field(t('audit.id'), 'recording'),
      ),
      status,
      h('div', { class: 'wide-table', tabindex: 0, role: 'region', 'aria-label': t('audit.table') }, table),
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
