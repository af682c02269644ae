// Who is signed in, where else, and since when: whoever sees a sign-in that was not theirs can end it.

import { h, fill, dialog } from './dom.js';
import { ask, session } from './api.js';
import { fetched, styled } from './later.js';
import { facts } from './details.js';
import { moment, parseTime } from './time.js';
import { languageChoice } from './language.js';
import { t } from './texts.js';

/** Shows the account. leave signs out here, leaveAll everywhere; theme and keys are there for telephones. */
export async function accountDialog({ leave, leaveAll, theme, keys }) {
  await fetched(() => styled('later.css'));
  dialog(t('account.title'), (close) => {
    const sessions = h('div', { class: 'sign-ins', 'aria-live': 'polite' });
    showSessions(sessions);
    const { userName, role, contactCenter, contactCenters, accessGroups, region } = session.user;
    const button = (words, onclick, kind = '') => h('button', { type: 'button', class: kind, onclick }, words);
    return h(
      'div',
      { class: 'account' },
      facts([
        [t('account.user'), userName],
        [t('account.role'), role],
        [t('account.center'), contactCenter || contactCenters || (role === 'ops' ? t('account.all') : '')],
        [t('account.team'), accessGroups],
        [t('account.region'), region],
      ]),
      h('h3', {}, t('account.signIns')),
      sessions,
      h('label', { class: 'language-row' }, t('page.language'), languageChoice()),
      h(
        'div',
        { class: 'row end' },
        button(t('account.theme'), theme, 'quiet'),
        button(t('account.keys'), () => (close(), keys()), 'quiet'),
        button(t('account.leaveAll'), () => (close(), leaveAll())),
        button(t('account.leave'), () => (close(), leave()), 'primary'),
      ),
    );
  });
}

/** Fills in the sessions that go on, and the last sign-ins. */
async function showSessions(element) {
  try {
    const { sessions, signIns } = await ask('api/v2/sessions');
    const row = ({ time, address, outcome, by }) =>
      h(
        'li',
        { class: outcome },
        h('span', {}, moment(parseTime(time))),
        h('span', { class: 'muted' }, h('bdi', {}, address ?? '')),
        h('span', { class: 'muted' }, t(`account.by_${by}`)),
        outcome === 'refused' && h('b', {}, t('account.refused')),
      );
    fill(
      element,
      signIns.length > 0
        ? h('ul', { tabindex: 0, 'aria-label': t('account.signIns') }, signIns.map(row))
        : h('p', { class: 'muted' }, t('account.none')),
      h('p', { class: 'muted' }, t('account.sessions', { n: sessions })),
    );
  } catch (error) {
    fill(element, h('p', { class: 'problem' }, error.message));
  }
}
