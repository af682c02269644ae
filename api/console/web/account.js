// Who is signed in, where else, and since when: whoever sees a sign-in that was not theirs can end it.

import { h, fill, dialog } from './dom.js';
import { ask, session } from './api.js';
import { fetched, styled } from './later.js';
import { facts } from './details.js';
import { moment, parseTime } from './time.js';

/** Shows the account. leave signs out here, leaveAll everywhere; theme and keys are there for telephones. */
export async function accountDialog({ leave, leaveAll, theme, keys }) {
  await fetched(() => styled('later.css'));
  dialog('Account', (close) => {
    const sessions = h('div', { class: 'sign-ins', 'aria-live': 'polite' });
    showSessions(sessions);
    const { userName, role, contactCenter, contactCenters, accessGroups, region } = session.user;
    const button = (words, onclick, kind = '') => h('button', { type: 'button', class: kind, onclick }, words);
    return h(
      'div',
      { class: 'account' },
      facts([
        ['User', userName],
        ['Role', role],
        ['Contact center', contactCenter || contactCenters || (role === 'ops' ? 'all' : '')],
        ['Team', accessGroups],
        ['Region', region],
      ]),
      h('h3', {}, 'Last sign-ins'),
      sessions,
      h(
        'div',
        { class: 'row end' },
        button('Light or dark', theme, 'quiet'),
        button('Keys', () => (close(), keys()), 'quiet'),
        button('Sign out everywhere', () => (close(), leaveAll())),
        button('Sign out', () => (close(), leave()), 'primary'),
      ),
    );
  });
}

/** Fills in the sessions that go on, and the last sign-ins. */
async function showSessions(element) {
  try {
    const { sessions, signIns } = await ask('api/v2/sessions');
    const row = ({ time, address, outcome }) =>
      h(
        'li',
        { class: outcome },
        h('span', {}, moment(parseTime(time))),
        h('span', { class: 'muted' }, h('bdi', {}, address ?? '')),
        outcome === 'refused' && h('b', {}, 'refused'),
      );
    fill(
      element,
      signIns.length > 0
        ? h('ul', { tabindex: 0, 'aria-label': 'Last sign-ins' }, signIns.map(row))
        : h('p', { class: 'muted' }, 'None since the service started.'),
      h('p', { class: 'muted' }, sessions === 1 ? 'Signed in here alone.' : `${sessions} sessions go on.`),
    );
  } catch (error) {
    fill(element, h('p', { class: 'problem' }, error.message));
  }
}
