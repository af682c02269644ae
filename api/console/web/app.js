// The page: signs in, builds the views, and shows the one that the address names.
//
// What is shown is the router's state, and nothing else knows it: whoever wants to show something
// else asks the router, which writes the address, and the app then shows what the state says.

import { h, fill, icon, liveRegion } from './dom.js';
import {
  session,
  hasChoice,
  isBound,
  isOps,
  may,
  readSession,
  signOut,
  signOutEverywhere,
  onExpired,
  fieldErrors,
} from './api.js';
import { names } from './criteria.js';
import { readAddress, writeAddress, emptySearch, fixedTimes, keptIn, remember, remembered } from './state.js';
import { currentZone, useZone, viewerZone, zoneText } from './time.js';
import { Router } from './router.js';
import { copyButton } from './copy.js';
import { applyTheme, switchTheme } from './theme.js';
import { actionOf, showKeys, takesText } from './keys.js';
import { topBar, demoRibbon } from './topbar.js';
import { signInView, askAgain } from './signin.js';
import { searchForm } from './search.js';
import { chosenColumns, rememberColumns } from './columns.js';
import { foldedCriteria } from './folded.js';
import { resultList } from './results.js';
import { messageLine } from './messages.js';
import { fetched, laterView } from './later.js';
import { problemList, toldProblems } from './link.js';
import { countButton } from './total.js';
import { chart } from './chart.js';
import { sentence, t } from './texts.js';

const titleOf = (view) => (view === 'search' ? t('page.title') : t(`view.${view}`));

/** From this width on, in pixels, the criteria stand beside the results and are unfolded. */
const wide = 760;

/** The page of whoever is signed in. */
class App {
  constructor() {
    this.router = new Router(() => ({
      contactCenter: hasChoice() ? session.contactCenter : '',
      timeZone: currentZone() === viewerZone ? '' : currentZone(),
    }));
    this.takeUp();
    this.drawn = ''; // the search whose results are there
    this.scroll = 0; // where in them one was

    this.build();
    this.router.addEventListener('change', ({ detail }) => this.onChange(detail));
    addEventListener('keydown', (event) => this.onKey(event));
    this.show();
  }

  get state() {
    return this.router.state;
  }

  /** Takes up what the address does not name: zone, contact center, and the last search of this user. */
  takeUp() {
    const { state } = this;
    if (!useZone(state.timeZone || remembered('timeZone') || viewerZone)) useZone(viewerZone);
    this.refuseForeign();
    if (hasChoice()) {
      const last = remembered(this.lastCenter);
      session.contactCenter =
        state.contactCenter || (reaches(last) ? last : '') || session.contactCenters[0] || '';
    }

    const last = remembered(this.lastSearch);
    if (state.view === 'search' && !state.searched && state.problems.length === 0 && last) {
      state.search = readAddress({ search: last, hash: '' }).search;
    }
  }

  /** Tells those whose link is about somebody else's calls: what they see are their own. */
  refuseForeign() {
    const { state } = this;
    if (state.contactCenter && !reaches(state.contactCenter)) {
      const why = hasChoice() ? 'noneOfYours' : 'notYours';
      state.problems.push({ name: 'contactCenter', value: state.contactCenter, why });
      state.contactCenter = '';
    }
    if (!hasChoice()) state.contactCenter = '';
  }

  /** Where the contact center that this user chose last is remembered. */
  get lastCenter() {
    return `contactCenter.${session.user.userName}`;
  }

  /** Where the last search of this user is remembered. */
  get lastSearch() {
    return `search.${session.user.userName}`;
  }

  build() {
    this.saved = null; // the saved searches, as soon as they are there
    this.savedPlace = h('div', {});
    const rows = Number(remembered(`saved.${session.user.userName}`)) || 0;
    if (rows > 0) this.savedPlace.style.minHeight = `${Math.min(15, 2 * rows) + 0.75}rem`; // the form stays where it is
    const save = h('button', { type: 'button', class: 'quiet', onclick: () => this.saveSearch() }, t('saved.button'));
    this.form = searchForm(
      (search, field) => this.onSearch(search, field),
      (half) => this.list.dim(half),
    );
    this.picture = this.buildPicture();
    this.list = this.buildList();
    this.form.element.addEventListener('input', () => this.picture.yieldTo());
    this.folded = foldedCriteria({
      again: (search) => this.searchFor(search),
      close: () => {
        this.filters.open = false;
        this.list.focus();
      },
    });
    this.filters = h(
      'details',
      { class: 'filters', open: innerWidth > wide },
      this.folded.summary,
      h(
        'div',
        { class: 'saved' },
        h('div', { class: 'label-row' }, h('h2', {}, t('saved.title')), save),
        this.savedPlace,
      ),
      this.form.element,
      this.folded.button,
    );
    this.search = h(
      'div',
      { class: 'view search-view' },
      h('h1', { class: 'sr' }, t('view.search')),
      this.filters,
      this.folded.chips,
      this.list.element,
    );

    this.message = messageLine();
    this.recording = this.buildRecording();
    this.views = this.buildViews();
    this.bar = this.buildBar();

    const skip = (event) => {
      event.preventDefault();
      this.list.focus();
    };
    fill(
      document.body,
      h('a', { class: 'skip', href: '#main', onclick: skip }, t('page.skip')),
      demoRibbon(),
      this.bar.element,
      h(
        'main',
        { id: 'main', tabindex: -1 },
        this.message.element,
        this.search,
        this.recording.element,
        Object.values(this.views).map((view) => view.element),
      ),
      liveRegion(),
    );
  }

  /** The views that not everybody has, or needs. */
  buildViews() {
    const views = {};
    const open = {
      openCall: (id) => this.router.go({ view: 'recording', recording: id, at: NaN }),
      search: () => this.state.search,
    };
    if (may('operations'))
      views.operations = laterView(async () => (await import('./operations.js')).operationsView(open), 'later.css');
    if (may('audit'))
      views.audit = laterView(async () => (await import('./audit.js')).auditView(open), 'later.css');
    return views;
  }

  /** Fetches a part of the page that is not always wanted, and goes on with it. */
  async later(load, then) {
    try {
      then(await fetched(load));
    } catch (error) {
      this.message.say(error.message);
    }
  }

  /** The saved searches, fetched when they are first wanted: { show, save }. */
  async savedSearches() {
    const { savedSearches } = await fetched(() => import('./saved.js'));
    this.saved ??= savedSearches(this.savedPlace, {
      run: (asked) => this.runSaved(asked),
      addressOf: ({ search, zone }) =>
        this.router.address({ view: 'search', search, ...(zone && { timeZone: zone }) }),
      search: () => this.state.search,
    });
    return this.saved;
  }

  saveSearch() {
    this.later(
      () => this.savedSearches(),
      (saved) => saved.save(),
    );
  }

  /** Makes a saved search, in the zone of its days. What of it is not understood is told, as of a link. */
  runSaved({ search, zone, problems }) {
    this.message.clear();
    if (zone && zone !== currentZone() && useZone(zone)) this.message.say(t('saved.zone', { zone: zoneText() }));
    this.drawn = '';
    this.router.go({ view: 'search', search, problems, at: NaN });
  }

  /** What comes when the first results are there: nothing that is typed waits for it. */
  afterResults() {
    if (this.furnished) return;
    this.furnished = true;
    setTimeout(() => this.savedSearches().catch(() => {})); // one can do without
    const again = () => this.searchAgain();
    fetched(() => import('./recording.js')).catch(() => {}); // whoever opens a call asks for it again
    fetched(() => import('./newer.js')).then(({ watchNewer }) => watchNewer(this.list, again), () => {});
  }

  searchAgain() {
    this.drawn = '';
    return this.show();
  }

  buildPicture() {
    return chart({
      narrow: (search) => this.searchFor(search, `narrow ${search.from} ${search.to}`), // each is one step back
      total: (search, n) => this.list.current() === search && this.list.setTotal(n),
      uncounted: () => this.list.offerCount(),
      leave: () => this.list.focus(),
    });
  }

  buildList() {
    const exporting = () =>
      this.later(
        () => import('./export.js'),
        ({ exportDialog }) => exportDialog(this.list.current()),
      );
    return resultList({
      columns: chosenColumns(session.user.userName),
      open: (id) => {
        this.message.clear();
        this.router.go({ view: 'recording', recording: id, at: NaN });
      },
      addressOf: (id) => this.router.address({ view: 'recording', recording: id }),
      refused: (error) => this.showRefusal(error),
      told: (n) => this.folded.found(n),
      picture: this.picture,
      reorder: (sort) => this.form.reorder(sort),
      count: countButton(() => this.list),
      tools: [
        h(
          'button',
          { type: 'button', class: 'quiet', title: t('columns.title'), onclick: () => this.chooseColumns() },
          icon('table'),
          h('span', { class: 'tool-name' }, t('columns.button')),
        ),
        copyButton(() => this.sharedLink()),
        h('button', { type: 'button', class: 'quiet', onclick: exporting }, icon('download'), t('export.button')),
      ],
      many: (ids) => this.manyTools(ids),
      empty: (search, note, signal, unknown) => {
        const instead = { again: (changed) => this.searchFor(changed), center: this.useCenter };
        const show = ({ emptyNote }) => signal.aborted || emptyNote(search, note, instead, signal, unknown);
        this.later(() => import('./empty.js'), show);
      },
    });
  }

  chooseColumns() {
    const chosen = (names) => {
      rememberColumns(session.user.userName, names);
      return this.list.setColumns(names);
    };
    this.later(
      () => import('./choose.js'),
      ({ columnsDialog }) => columnsDialog(this.list.columns(), chosen),
    );
  }

  /** The address of these results for others, wherever they are and whenever they open it. */
  sharedLink() {
    const search = fixedTimes(this.list.current());
    return new URL(this.router.address({ search, timeZone: currentZone() }), location.href).href;
  }

  /** What can be done with the selected calls. */
  manyTools(ids) {
    const done = () => {
      this.list.unpick();
      this.drawn = '';
      return this.list.search(this.list.current());
    };
    const tool = (words, act, load = () => import('./marks.js')) => {
      const onclick = () => this.later(load, act);
      return h('button', { type: 'button', class: 'quiet', onclick }, words);
    };
    return [
      tool(t('marks.download'), ({ downloadDialog }) => downloadDialog(ids()), () => import('./download.js')),
      tool(t('marks.hold'), ({ holdDialog }) => holdDialog(ids(), true, done)),
      tool(t('marks.release'), ({ holdDialog }) => holdDialog(ids(), false, done)),
      tool(t('marks.addLabel'), ({ labelDialog }) => labelDialog(ids(), true, done)),
      tool(t('marks.removeLabel'), ({ labelDialog }) => labelDialog(ids(), false, done)),
    ];
  }

  /** The view of one call. It is fetched when there are results, or at once where the address names a call. */
  buildRecording() {
    const what = {
      back: () => this.back(),
      hasStep: (id, by) => this.list.neighbour(id, by) !== '',
      actions: (recording) => this.actionsOn(recording),
      step: (by) => {
        const id = this.list.neighbour(this.state.recording, by);
        if (id) this.router.go({ recording: id, at: NaN }, { replace: true });
      },
      linkTo: (id, at) => this.router.address({ view: 'recording', recording: id, at }),
      searches: {
        addressOf: (search) => this.router.address({ view: 'search', search }),
        find: (search) => this.router.go({ view: 'search', search, at: NaN }),
      },
    };
    return laterView(async () => (await import('./recording.js')).recordingView(what));
  }

  buildBar() {
    return topBar({
      home: () => {
        this.drawn = '';
        this.router.go({ view: 'search', search: emptySearch() });
      },
      view: (view) => {
        this.message.clear();
        if (view === this.state.view) this.drawn = ''; // who is there already wants to see what is new
        this.router.go({ view, at: NaN });
      },
      center: () => this.chooseCenter(),
      zone: () => this.chooseZone(),
      theme: () => this.switchTheme(),
      keys: showKeys,
      account: () =>
        this.later(
          () => import('./account.js'),
          ({ accountDialog }) =>
            accountDialog({
              leave: () => this.leave(signOut),
              leaveAll: () => this.leave(signOutEverywhere),
              theme: () => this.switchTheme(),
              keys: showKeys,
            }),
        ),
      leave: () => this.leave(signOut),
    });
  }

  switchTheme() {
    switchTheme();
    this.recording.view()?.redraw(); // what is drawn has the colours of before
  }

  /** What else can be done with a recording. */
  actionsOn(recording) {
    if (!may('delete')) return false;
    const deleted = (...words) => {
      this.list.forget(recording.id);
      this.back();
      this.message.say(...words);
    };
    const onclick = () =>
      this.later(
        () => import('./deleting.js'),
        ({ deleteDialog }) => deleteDialog(recording, deleted),
      );
    return h('button', { type: 'button', class: 'quiet', onclick }, icon('trash'), t('delete.button'));
  }

  /** Shows at the fields what the API says about a search; reports whether it is about fields at all. */
  showRefusal(error) {
    const fields = [...new Set([...names, ...keptIn(this.state.search)])];
    const errors = error?.status === 400 ? fieldErrors(error.message, fields) : {};
    this.form.tell(errors);
    return Object.keys(errors).length > 0;
  }

  /** Searches for something else than what stands in the form. */
  searchFor(search, field = 'suggestion') {
    this.form.show(search);
    this.onSearch(search, field);
  }

  onSearch(search, field) {
    this.message.clear();
    if (field === 'submit') this.drawn = ''; // Enter asks again, also for the same
    remember(this.lastSearch, writeAddress({ view: 'search', search }).replace('./', ''));
    this.router.search(search, field);
  }

  onChange({ before, back }) {
    this.refuseForeign();
    if (hasChoice() && back && this.state.contactCenter) session.contactCenter = this.state.contactCenter;
    this.show();
    if (back && before !== 'search' && this.state.view === 'search') this.list.focus();
  }

  /** Shows what the state says. */
  show() {
    const { state } = this;
    if (!['search', 'recording'].includes(state.view) && !this.views[state.view]) state.view = 'search';
    if (!may('calls')) state.view = 'audit';
    this.bar.show(state.view);
    if (isOps() && !session.contactCenter) return void this.askForCenter();

    document.title = titleOf(state.view);
    this.form.show(state.search);
    this.folded.show(state.search);
    this.saved?.show();

    if (state.view !== 'search' && !this.search.hidden) this.scroll = scrollY;
    this.search.hidden = state.view !== 'search';
    this.recording.element.hidden = state.view !== 'recording';
    if (state.view === 'recording') this.recording.show(state.recording, state.at);
    else this.recording.hide();

    for (const [name, view] of Object.entries(this.views)) {
      view.element.hidden = state.view !== name;
      if (state.view === name) view.show();
      else view.hide();
    }

    if (state.view === 'search') this.showSearch();
    else if (state.problems.length > 0) this.message.say(toldProblems(state.problems));
  }

  /** Searches, unless these results are there already: coming back from a call changes nothing. */
  showSearch() {
    if (this.state.problems.length > 0) return void this.showProblems();
    const what = `${session.contactCenter} ${writeAddress({ view: 'search', search: this.state.search })}`;
    if (this.drawn === what) {
      scrollTo(0, this.scroll);
      this.list.redraw();
      return;
    }

    this.drawn = what;
    scrollTo(0, 0);
    this.list.search(this.state.search).then(() => this.afterResults());
  }

  /** An address that is not understood shows nothing but that: its other criteria alone would find more. */
  showProblems() {
    const without = () => this.searchFor({ ...this.state.search });
    const button = h('button', { type: 'button', class: 'primary', onclick: without }, t('link.without'));
    this.drawn = '';
    this.afterResults();
    this.list.stop();
    this.list.note(t('link.title'), problemList(this.state.problems), button);
  }

  askForCenter() {
    const choose = h(
      'button',
      { type: 'button', class: 'primary', onclick: () => this.chooseCenter() },
      t('center.choose'),
    );
    this.list.note(t('center.which'), t('center.why'), choose);
    this.chooseCenter();
  }

  chooseCenter() {
    this.later(
      () => import('./center.js'),
      ({ chooseCenter }) => chooseCenter(this.useCenter),
    );
  }

  chooseZone() {
    const chosen = () => {
      this.drawn = '';
      this.router.go({ at: NaN }, { replace: true });
    };
    this.later(
      () => import('./zone.js'),
      ({ chooseZone }) => chooseZone(chosen),
    );
  }

  /** Goes to another contact center. */
  useCenter = (name) => {
    session.contactCenter = name;
    remember(this.lastCenter, name);
    this.drawn = '';
    const view = this.state.view === 'recording' ? 'search' : this.state.view;
    this.router.go({ view, contactCenter: name, at: NaN });
  };

  back() {
    this.router.back();
  }

  /** Goes on after the same user has signed in again: what is there stays, and what did not come is fetched. */
  goOn() {
    if (this.list.count().loaded === 0) this.drawn = '';
    this.scroll = scrollY;
    this.show();
    this.recording.view()?.again();
  }

  onKey(event) {
    if (document.querySelector('dialog[open]')) return;
    const inField = takesText(event.target);
    const action = actionOf(event, inField);
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    const ofCall = action !== 'escape' && !modified && this.state.view === 'recording';
    if (ofCall && this.recording.view()?.onKey(event)) return;

    switch (action) {
      case 'escape':
        if (this.state.view !== 'search') return this.back();
        if (!inField) return undefined;
        event.preventDefault();
        return this.list.focus();
      case 'search':
        if (!may('calls')) return undefined;
        event.preventDefault();
        if (this.state.view !== 'search') this.router.go({ view: 'search' });
        this.filters.open = true;
        return this.form.focus();
      case 'keys':
        event.preventDefault();
        return showKeys();
      default:
        return undefined;
    }
  }

  async leave(how) {
    remember(this.lastSearch, '');
    let next = './';
    try {
      next = await how();
    } finally {
      location.assign(next);
    }
  }
}

/** Reports whether a contact center is one that whoever is signed in may see. */
const reaches = (name) =>
  !isBound() || [session.user.contactCenter, ...session.contactCenters].includes(name);

let app; // of whoever is signed in

/** The session has ended meanwhile: what one sees stays until the same user has signed in again. */
function signInAgain() {
  const before = session.user?.userName;
  askAgain(() => {
    if (session.user.userName !== before) return void location.reload(); // what is shown is somebody else's
    app.goOn();
  }, before);
}

/** What machines see that sign in here: they have no business with this page. */
function nothingView() {
  const { userName, role } = session.user;
  const leave = async () => location.assign(await signOut());
  return h(
    'main',
    { class: 'plain', id: 'main' },
    h('h1', {}, t('page.title')),
    h('p', {}, sentence('page.machine', { user: h('bdi', {}, userName), role })),
    h('button', { type: 'button', class: 'primary', onclick: leave }, t('account.leave')),
  );
}

async function start() {
  applyTheme();
  onExpired(signInAgain);

  try {
    await readSession();
  } catch (error) {
    const again = h('button', { type: 'button', onclick: () => location.reload() }, t('common.tryAgain'));
    const words = h('p', {}, error.message);
    return void fill(document.body, h('main', { class: 'plain' }, h('h1', {}, t('page.title')), words, again));
  }

  const enter = () => {
    if (may('calls') || may('audit')) app = new App();
    else fill(document.body, nothingView());
  };
  if (session.user) enter();
  else fill(document.body, demoRibbon(), signInView(enter), liveRegion());
  document.getElementById('user')?.focus();
  performance.mark('ready');
}

start();
