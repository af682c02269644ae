// Who may call the service: users, tokens, and those of the identity provider who have called.

import { h, fill } from './dom.js';
import { ask } from './api.js';
import { ago, moment, parseTime } from './time.js';
import { t } from './texts.js';

/** How many are shown before somebody asks for all of them. */
const first = 20;

/** The card of the users. */
export function usersCard() {
  const status = h('p', { class: 'muted', role: 'status' });
  const body = h('div', {});

  const show = async () => {
    status.textContent = t('users.reading');
    try {
      const { users, since } = await ask('api/v2/ops/users');
      status.textContent = t('users.count', { n: users.length });
      draw(users, parseTime(since), first);
    } catch (error) {
      fill(body);
      fill(status, `${error.message} `, h('button', { type: 'button', onclick: show }, t('common.tryAgain')));
    }
  };

  const draw = (users, since, n) => {
    const all = () => {
      draw(users, since, users.length);
      body.querySelector('table').focus();
    };
    fill(
      body,
      table(users.slice(0, n), since),
      users.length > n && h('button', { type: 'button', onclick: all }, t('users.all', { n: users.length })),
    );
  };

  return {
    element: h(
      'section',
      { class: 'card users', 'aria-label': t('users.title') },
      h('h2', {}, t('users.title')),
      h('p', { class: 'muted' }, t('users.about')),
      status,
      body,
    ),
    show,
  };
}

const table = (users, since) =>
  h(
    'div',
    { class: 'wide-table', tabindex: 0, role: 'region', 'aria-label': t('users.table') },
    h(
      'table',
      { class: 'lines', tabindex: -1 },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ['name', 'role', 'centers', 'seen'].map((name) => h('th', { scope: 'col' }, t(`users.${name}`))),
        ),
      ),
      h('tbody', {}, users.map((user) => row(user, since))),
    ),
  );

function row(user, since) {
  const { userName, kind, role, contactCenters, accessGroups, expires, expired, lastSeen } = user;
  const list = (names) => names.map((name, i) => [i > 0 && ', ', h('bdi', {}, name)]);
  const kindText = t(`users.${kind}`);
  const until = expires && t(expired ? 'users.expired' : 'users.expires', { day: expires });
  const at = lastSeen ? parseTime(lastSeen) : since;
  return h(
    'tr',
    { class: expired ? 'expired' : '' },
    h(
      'th',
      { scope: 'row' },
      h('bdi', {}, userName),
      h('span', { class: 'muted' }, [kindText, until].filter(Boolean).join(', ')),
    ),
    h('td', {}, role),
    h(
      'td',
      {},
      contactCenters ? list(contactCenters) : t('users.allCenters'),
      accessGroups && h('span', { class: 'muted' }, list(accessGroups)),
    ),
    h(
      'td',
      { title: moment(at) },
      lastSeen ? ago(at) : h('span', { class: 'muted' }, t('users.unseen', { time: moment(at) })),
    ),
  );
}
