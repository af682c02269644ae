// The page: who is signed in, what is shown, and the keys that work everywhere.

import { h, fill, icon, iconButton, dialog, liveRegion } from './dom.js';
import { session, isOps, readSession, signOut, onExpired, fieldErrors } from './api.js';
import { readAddress, writeAddress, emptySearch, allCriteria, remember, remembered } from './state.js';
import { currentZone, useZone, viewerZone, zones, zoneText } from './time.js';
import { signInView, askAgain } from './signin.js';
import { searchForm } from './search.js';
import { resultList } from './results.js';
import { emptyNote } from './empty.js';
import { recordingView } from './recording.js';
import { operationsView } from './operations.js';
import { deleteDialog } from './deleting.js';
import { chooseCenter } from './center.js';
import { countButton } from './total.js';
import { exportDialog } from './export.js';

let state;
let views;       // of whoever is signed in
let lastField;   // that was changed, and when: what one types in one go is one step back
let lastChange = 0;

const titles = { search: 'Recordings', recording: 'Call', operations: 'Operations' };

async function start() {
  applyTheme(remembered('theme'));
  onExpired(() => {
    const before = session.user?.userName;
    askAgain(() => {
      if (session.user.userName !== before) return void location.reload(); // what is shown is somebody else's
      views.drawn = '';
      show();
    });
  });
  try {
    await readSession();
  } catch (error) {
    return void fill(document.body, h('main', { class: 'plain' }, h('h1', {}, 'Recordings'), h('p', {}, error.message),
      h('button', { type: 'button', onclick: () => location.reload() }, 'Try again')));
  }
  if (session.user) enter();
  else fill(document.body, demoRibbon(), signInView(enter), liveRegion());
  document.getElementById('user')?.focus();
  performance.mark('ready');
}

/** Shows the page to who has just signed in. */
function enter() {
  state = readAddress(location);
  if (!useZone(state.timeZone || remembered('timeZone') || viewerZone)) useZone(viewerZone);
  if (isOps()) session.contactCenter = state.contactCenter || remembered('contactCenter') || session.contactCenters[0] || '';
  if (state.view === 'search' && !state.searched) recall();
  build();
  show();
}

/** Takes up the last search of this user, where the address names none. */
function recall() {
  const last = remembered(`search.${session.user.userName}`);
  if (last) state.search = readAddress({ search: last, hash: '' }).search;
}

const address = (change) => writeAddress({
  ...state, contactCenter: isOps() ? session.contactCenter : '', timeZone: currentZone() === viewerZone ? '' : currentZone(), at: NaN, ...change,
});

/** Shows something else; it becomes a step of the browser's history. */
function go(change, { replace = false } = {}) {
  Object.assign(state, change);
  const to = address({ at: state.at });
  if (replace) history.replaceState(history.state, '', to); else history.pushState({ inside: true }, '', to);
  show();
}

function onSearch(search, field) {
  const now = Date.now();
  const typing = field === lastField && now - lastChange < 3000;
  if (field === 'submit') views.drawn = ''; // Enter asks again, also for the same
  [lastField, lastChange] = [field, now];
  remember(`search.${session.user.userName}`, writeAddress({ view: 'search', search }).replace('./', ''));
  go({ view: 'search', search, at: NaN }, { replace: typing || field === 'submit' });
}

function build() {
  const form = searchForm(onSearch);
  const refused = (error) => {
    const errors = error?.status === 400 ? fieldErrors(error.message, allCriteria) : {};
    form.tell(errors);
    return Object.keys(errors).length > 0;
  };
  const list = resultList({
    open: (id) => go({ view: 'recording', recording: id, at: NaN }),
    addressOf: (id) => address({ view: 'recording', recording: id }),
    refused, tools: [countButton(() => list), h('button', { type: 'button', class: 'quiet', onclick: () => exportDialog(list.current()) }, icon('download'), 'Export…')],
    empty: (search, note) => emptyNote(search, note, (changed) => { form.show(changed); onSearch(changed, 'suggestion'); }),
  });
  const filters = h('details', { class: 'filters', open: innerWidth > 760 }, h('summary', {}, icon('search'), 'Search criteria'), form.element);
  const search = h('div', { class: 'view search-view' }, h('h1', { class: 'sr' }, 'Calls'), filters, list.element);
  const recording = recordingView({
    back, hasStep: (id, by) => list.neighbour(id, by) !== '', actions,
    step: (by) => { const id = list.neighbour(state.recording, by); if (id) go({ recording: id, at: NaN }, { replace: true }); },
    linkTo: (id, at) => address({ view: 'recording', recording: id, at }),
  });
  const operations = isOps() ? operationsView() : null;
  views = { form, list, search, filters, recording, operations, drawn: '', scroll: 0 };
  fill(document.body, h('a', { class: 'skip', href: '#main', onclick: (event) => { event.preventDefault(); list.focus(); } }, 'Skip to the results'),
    demoRibbon(), topBar(), h('main', { id: 'main', tabindex: -1 }, search, recording.element, operations?.element), liveRegion());
}

/** What else can be done with a recording. */
function actions(recording) {
  return isOps() && h('button', {
    type: 'button', class: 'quiet', onclick: () => deleteDialog(recording, () => { views.list.forget(recording.id); back(); }),
  }, icon('trash'), 'Delete…');
}

function show() {
  if (state.view === 'operations' && !views.operations) state.view = 'search';
  if (isOps() && !session.contactCenter) {
    views.list.note('Which contact center?', 'Operations serve every contact center, one at a time.', h('button', { type: 'button', class: 'primary', onclick: () => chooseCenter(useCenter) }, 'Choose'));
    return void chooseCenter(useCenter);
  }
  document.title = titles[state.view];
  for (const link of document.querySelectorAll('.top nav a')) {
    if (link.dataset.view === state.view) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  };
  views.form.show(state.search);
  if (state.view !== 'search' && !views.search.hidden) views.scroll = scrollY;
  views.search.hidden = state.view !== 'search';
  views.recording.element.hidden = state.view !== 'recording';
  if (state.view === 'recording') views.recording.show(state.recording, state.at);
  else views.recording.close();
  if (views.operations) views.operations.element.hidden = state.view !== 'operations';
  if (state.view === 'operations') views.operations.show(); else views.operations?.hide();
  if (state.view === 'search') showSearch();
}

/** Shows another contact center. */
function useCenter(name) {
  session.contactCenter = name;
  remember('contactCenter', name);
  document.querySelector('.center-name').textContent = name;
  views.drawn = '';
  go({ view: state.view === 'recording' ? 'search' : state.view, at: NaN });
}

/** Searches, unless these results are there already: coming back from a call changes nothing. */
function showSearch() {
  const what = `${session.contactCenter} ${writeAddress({ view: 'search', search: state.search })}`;
  if (views.drawn === what) {
    scrollTo(0, views.scroll);
    views.list.redraw();
    return;
  }
  views.drawn = what;
  scrollTo(0, 0);
  views.list.search(state.search);
}

function demoRibbon() {
  return session.demonstration && h('aside', { class: 'demo', 'aria-label': 'Demonstration' }, h('b', {}, 'Demonstration.'), ' Every call, name and number is made up.');
}

function topBar() {
  const zone = h('button', { type: 'button', class: 'quiet zone', onclick: chooseZone, title: 'All times are shown in this zone' },
    icon('clock'), h('span', { class: 'sr' }, 'Time zone: '), h('span', { class: 'zone-name' }, zoneText()));
  return h('header', { class: 'top' },
    h('a', { class: 'brand', href: './', onclick: (event) => { event.preventDefault(); go({ view: 'search', search: emptySearch() }); } },
      h('span', { class: 'mark' }, icon('wave')), 'Recordings'),
    isOps() && h('nav', { 'aria-label': 'Views' }, [['search', 'Calls'], ['operations', 'Operations']].map(([view, words]) => h('a', {
      href: view === 'search' ? './' : '?view=operations', 'data-view': view, onclick: (event) => { event.preventDefault(); go({ view, at: NaN }); },
    }, words))),
    h('span', { class: 'space' }),
    isOps() && h('button', { type: 'button', class: 'quiet center', title: 'Contact center', onclick: () => chooseCenter(useCenter) },
      icon('center'), h('span', { class: 'sr' }, 'Contact center: '), h('bdi', { class: 'center-name' }, session.contactCenter)),
    zone,
    iconButton('theme', 'Light or dark', switchTheme),
    iconButton('keys', 'Keys', showKeys),
    h('span', { class: 'who' }, h('b', {}, h('bdi', {}, session.user.userName)), ' ', h('span', { class: 'muted' }, session.user.role)),
    iconButton('out', 'Sign out', leave));
}

async function leave() {
  remember(`search.${session.user.userName}`, '');
  try { await signOut(); } finally { location.assign('./'); }
}

function chooseZone() {
  dialog('Time zone', (close) => {
    const input = h('input', { id: 'zone', list: 'zones', value: currentZone(), autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'zone-problem' });
    const problem = h('p', { class: 'problem', id: 'zone-problem', role: 'alert' });
    const choose = (name) => {
      if (!useZone(name)) return void (problem.textContent = 'This browser does not know such a zone; an example is Europe/Berlin.');
      remember('timeZone', name === viewerZone ? '' : name);
      close();
      views.drawn = '';
      document.querySelector('.zone-name').textContent = zoneText();
      go({ at: NaN }, { replace: true });
    };
    return h('form', { onsubmit: (event) => { event.preventDefault(); choose(input.value.trim()); } },
      h('label', { for: 'zone' }, 'All times are shown in this zone, and read in it where you type them'),
      input, h('datalist', { id: 'zones' }, zones().map((z) => h('option', { value: z }))), problem,
      h('div', { class: 'row end' }, h('button', { type: 'button', onclick: () => choose(viewerZone) }, `Mine: ${zoneText(viewerZone)}`),
        h('button', { class: 'primary', type: 'submit' }, 'Use this zone')));
  }, 'narrow');
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme === 'dark' || !document.documentElement.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches;
  const theme = dark ? 'light' : 'dark';
  applyTheme(theme);
  views.recording.redraw(); // what is drawn has the colours of before
  remember('theme', theme);
}

function applyTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

const keys = [
  ['/', 'Go to the search criteria'], ['↑ ↓', 'Through the results; also Page Up, Page Down, Home, End'], ['Enter', 'Open the call'],
  ['Space', 'Play, pause'], ['← →', '5 seconds back, on; with Shift 30'], ['< >', 'Slower, faster'], ['M', 'Sound off, on'],
  ['J K', 'The older call, the newer call'], ['Esc', 'Back to the results; from a field to the results'], ['?', 'This list'],
];

function showKeys() {
  dialog('Keys', () => h('dl', { class: 'keys' }, keys.map(([key, what]) => [
    h('dt', {}, key.split(' ').map((k) => h('kbd', {}, k))), h('dd', {}, what)])), 'narrow');
}

const typing = (element) => element.matches?.('input, textarea, select');

function onKey(event) {
  if (!views || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape') return void escape(event);
  if (state.view === 'recording' && views.recording.onKey(event)) return;
  if (typing(event.target)) return;
  if (event.key === '/') {
    event.preventDefault();
    if (state.view !== 'search') go({ view: 'search' });
    views.filters.open = true;
    views.form.focus();
  } else if (event.key === '?') {
    event.preventDefault();
    showKeys();
  }
}

function escape(event) {
  if (state.view !== 'search') back();
  else if (typing(event.target)) { event.preventDefault(); views.list.focus(); }
}

/** Goes back to the results: a step back in the history if they were there before. */
function back() {
  if (history.state?.inside) return void history.back();
  go({ view: 'search', at: NaN });
  views.list.focus();
}

addEventListener('popstate', () => {
  if (!views) return;
  const was = state.view;
  state = readAddress(location);
  if (isOps() && state.contactCenter && state.contactCenter !== session.contactCenter) {
    session.contactCenter = state.contactCenter;
    document.querySelector('.center-name').textContent = state.contactCenter;
  }
  show();
  if (was !== 'search' && state.view === 'search') views.list.focus();
});
addEventListener('keydown', onKey);

start();
