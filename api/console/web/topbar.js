// The bar above everything: where one is, whose recordings these are, the zone of all times, and
// who is signed in.

import { h, icon, iconButton } from './dom.js';
import { session, hasChoice, may } from './api.js';
import { zoneText } from './time.js';
import { sentence, t } from './texts.js';

/**
 * The bar. What it offers is done by actions: home, view, center, zone, theme, keys, account
 * and leave.
 */
export function topBar(actions) {
  const centerName = h('bdi', { class: 'center-name' }, session.contactCenter);
  const zoneName = h('span', { class: 'zone-name' }, zoneText());

  const link = (words, href, view, attributes, onclick) =>
    h(
      'a',
      {
        href,
        'data-view': view,
        ...attributes,
        onclick: (event) => {
          event.preventDefault();
          onclick();
        },
      },
      words,
    );
  const views = [
    may('calls') && link(t('view.search'), './', 'search', {}, () => actions.view('search')),
    may('operations') &&
      link(t('view.operations'), '?view=operations', 'operations', {}, () => actions.view('operations')),
    may('audit') && link(t('view.audit'), '?view=audit', 'audit', {}, () => actions.view('audit')),
  ].filter(Boolean);

  const center =
    hasChoice() &&
    h(
      'button',
      { type: 'button', class: 'quiet center', title: t('center.title'), onclick: actions.center },
      icon('center'),
      h('span', { class: 'sr' }, t('top.center'), ' '),
      centerName,
    );
  const zone = h(
    'button',
    { type: 'button', class: 'quiet zone', onclick: actions.zone, title: t('top.zoneAbout') },
    icon('clock'),
    h('span', { class: 'sr' }, t('top.zone'), ' '),
    zoneName,
  );
  const who = h(
    'button',
    { type: 'button', class: 'quiet who', title: t('account.title'), onclick: actions.account },
    icon('agent'),
    h('span', { class: 'sr' }, t('top.account'), ' '),
    h('span', { class: 'who-name' }, h('b', {}, h('bdi', {}, session.user.userName)), ' ', session.user.role),
  );

  const element = h(
    'header',
    { class: 'top' },
    link(
      [h('span', { class: 'mark' }, icon('wave')), t('page.title')],
      './',
      false,
      { class: 'brand' },
      actions.home,
    ),
    views.length > 1 && h('nav', { 'aria-label': t('top.views') }, views),
    h('span', { class: 'space' }),
    center,
    zone,
    iconButton('theme', t('account.theme'), actions.theme, { class: 'quiet icon-only on-wide' }),
    iconButton('keys', t('account.keys'), actions.keys, { class: 'quiet icon-only on-wide' }),
    who,
    iconButton('out', t('account.leave'), actions.leave, { class: 'quiet icon-only leave' }),
  );

  /** Shows where one is now. */
  const show = (view) => {
    for (const a of views) {
      if (a.dataset.view === view) a.setAttribute('aria-current', 'page');
      else a.removeAttribute('aria-current');
    }
    centerName.textContent = session.contactCenter;
    zoneName.textContent = zoneText();
  };
  return { element, show };
}

/** What says, on every view of the demonstration, that it is one. */
export function demoRibbon() {
  return (
    session.demonstration &&
    h(
      'aside',
      { class: 'demo', 'aria-label': t('demo.title') },
      sentence('demo.about', { demonstration: h('b', {}, t('demo.name')) }),
    )
  );
}
