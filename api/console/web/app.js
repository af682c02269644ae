// The page: signs in, builds the views, and shows the one that the address names.
//
// What is shown is the router's state, and nothing else knows it: whoever wants to show something
// else asks the router, which writes the address, and the app then shows what the state says.

import { h, fill, icon, liveRegion } from './dom.js';
import { session, isOps, readSession, signOut, onExpired, fieldErrors } from './api.js';
import { names } from './criteria.js';
import { readAddress, writeAddress, emptySearch, remember, remembered } from './state.js';
import { currentZone, useZone, viewerZone } from './time.js';
import { Router } from './router.js';
import { applyTheme, switchTheme } from './theme.js';
import { actionOf, showKeys, takesText } from './keys.js';
import { chooseZone } from './zone.js';
import { topBar, demoRibbon } from './topbar.js';
import { signInView, askAgain } from './signin.js';
import { searchForm } from './search.js';
import { resultList } from './results.js';
import { emptyNote } from './empty.js';
import { recordingView } from './recording.js';
import { operationsView } from './operations.js';
import { deleteDialog } from './deleting.js';
import { messageLine } from './messages.js';
import { problemList, toldProblems } from './link.js';
import { chooseCenter } from './center.js';
import { countButton } from './total.js';
import { exportDialog } from './export.js';

const titles = { search: 'Recordings', recording: 'Call', operations: 'Operations' };

/** From this width on, in pixels, the criteria stand beside the results and are unfolded. */
const wide = 760;

/** The page of whoever is signed in. */
class App {
  constructor() {
    this.router = new Router(() => ({
      contactCenter: isOps() ? session.contactCenter : '',
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
    if (isOps()) {
      session.contactCenter =
        state.contactCenter || remembered('contactCenter') || session.contactCenters[0] || '';
    }

    this.refuseForeign();
    const last = remembered(this.lastSearch);
    if (state.view === 'search' && !state.searched && state.problems.length === 0 && last) {
      state.search = readAddress({ search: last, hash: '' }).search;
    }
  }

  /** Tells administrators whose link is about somebody else's calls: what they see are their own. */
  refuseForeign() {
    const { state } = this;
    if (isOps()) return;
    if (state.contactCenter && state.contactCenter !== session.contactCenter) {
      const why = 'is not your contact center; you see your own calls alone';
      state.problems.push({ name: 'contactCenter', value: state.contactCenter, why });
    }
    state.contactCenter = '';
  }

  /** Where the last search of this user is remembered. */
  get lastSearch() {
    return `search.${session.user.userName}`;
  }

  build() {
    this.form = searchForm((search, field) => this.onSearch(search, field));
    this.list = this.buildList();
    this.filters = h(
      'details',
      { class: 'filters', open: innerWidth > wide },
      h('summary', {}, icon('search'), 'Search criteria'),
      this.form.element,
    );
    this.search = h(
      'div',
      { class: 'view search-view' },
      h('h1', { class: 'sr' }, 'Calls'),
      this.filters,
      this.list.element,
    );

    this.message = messageLine();
    this.recording = this.buildRecording();
    this.operations = isOps() ? operationsView() : null;
    this.bar = this.buildBar();

    const skip = (event) => {
      event.preventDefault();
      this.list.focus();
    };
    fill(
      document.body,
      h('a', { class: 'skip', href: '#main', onclick: skip }, 'Skip to the results'),
      demoRibbon(),
      this.bar.element,
      h(
        'main',
        { id: 'main', tabindex: -1 },
        this.message.element,
        this.search,
        this.recording.element,
        this.operations?.element,
      ),
      liveRegion(),
    );
  }

  buildList() {
    const exporting = () => exportDialog(this.list.current());
    return resultList({
      open: (id) => {
        this.message.clear();
        this.router.go({ view: 'recording', recording: id, at: NaN });
      },
      addressOf: (id) => this.router.address({ view: 'recording', recording: id }),
      refused: (error) => this.showRefusal(error),
      tools: [
        countButton(() => this.list),
        h('button', { type: 'button', class: 'quiet', onclick: exporting }, icon('download'), 'Export…'),
      ],
      empty: (search, note, signal, unknown) =>
        emptyNote(
          search,
          note,
          { again: (changed) => this.searchFor(changed), center: this.useCenter },
          signal,
          unknown,
        ),
    });
  }

  buildRecording() {
    return recordingView({
      back: () => this.back(),
      hasStep: (id, by) => this.list.neighbour(id, by) !== '',
      actions: (recording) => this.actionsOn(recording),
      step: (by) => {
        const id = this.list.neighbour(this.state.recording, by);
        if (id) this.router.go({ recording: id, at: NaN }, { replace: true });
      },
      linkTo: (id, at) => this.router.address({ view: 'recording', recording: id, at }),
    });
  }

  buildBar() {
    return topBar({
      home: () => this.router.go({ view: 'search', search: emptySearch() }),
      view: (view) => {
        this.message.clear();
        this.router.go({ view, at: NaN });
      },
      center: () => this.chooseCenter(),
      zone: () =>
        chooseZone(() => {
          this.drawn = '';
          this.router.go({ at: NaN }, { replace: true });
        }),
      theme: () => {
        switchTheme();
        this.recording.redraw(); // what is drawn has the colours of before
      },
      keys: showKeys,
      leave: () => this.leave(),
    });
  }

  /** What else can be done with a recording. */
  actionsOn(recording) {
    if (!isOps()) return false;
    const onclick = () =>
      deleteDialog(recording, (...words) => {
        this.list.forget(recording.id);
        this.back();
        this.message.say(...words);
      });
    return h('button', { type: 'button', class: 'quiet', onclick }, icon('trash'), 'Delete…');
  }

  /** Shows at the fields what the API says about a search; reports whether it is about fields at all. */
  showRefusal(error) {
    const errors = error?.status === 400 ? fieldErrors(error.message, names) : {};
    this.form.tell(errors);
    return Object.keys(errors).length > 0;
  }

  /** Searches for something else than what stands in the form. */
  searchFor(search) {
    this.form.show(search);
    this.onSearch(search, 'suggestion');
  }

  onSearch(search, field) {
    this.message.clear();
    if (field === 'submit') this.drawn = ''; // Enter asks again, also for the same
    remember(this.lastSearch, writeAddress({ view: 'search', search }).replace('./', ''));
    this.router.search(search, field);
  }

  onChange({ before, back }) {
    this.refuseForeign();
    if (isOps() && back && this.state.contactCenter) session.contactCenter = this.state.contactCenter;
    this.show();
    if (back && before !== 'search' && this.state.view === 'search') this.list.focus();
  }

  /** Shows what the state says. */
  show() {
    const { state } = this;
    if (state.view === 'operations' && !this.operations) state.view = 'search';
    this.bar.show(state.view);
    if (isOps() && !session.contactCenter) return void this.askForCenter();

    document.title = titles[state.view];
    this.form.show(state.search);

    if (state.view !== 'search' && !this.search.hidden) this.scroll = scrollY;
    this.search.hidden = state.view !== 'search';
    this.recording.element.hidden = state.view !== 'recording';
    if (state.view === 'recording') this.recording.show(state.recording, state.at);
    else this.recording.close();

    if (this.operations) this.operations.element.hidden = state.view !== 'operations';
    if (state.view === 'operations') this.operations.show();
    else this.operations?.hide();

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
    this.list.search(this.state.search);
  }

  /** An address that is not understood shows nothing but that: its other criteria alone would find more. */
  showProblems() {
    const without = () => this.searchFor({ ...this.state.search });
    const button = h('button', { type: 'button', class: 'primary', onclick: without }, 'Search without this');
    this.drawn = '';
    this.list.stop();
    this.list.note('This link is not understood', problemList(this.state.problems), button);
  }

  askForCenter() {
    const choose = h(
      'button',
      { type: 'button', class: 'primary', onclick: () => this.chooseCenter() },
      'Choose',
    );
    const why = 'Operations serve every contact center, one at a time.';
    this.list.note('Which contact center?', why, choose);
    this.chooseCenter();
  }

  chooseCenter() {
    chooseCenter(this.useCenter);
  }

  /** Goes to another contact center. */
  useCenter = (name) => {
    session.contactCenter = name;
    remember('contactCenter', name);
    this.drawn = '';
    const view = this.state.view === 'recording' ? 'search' : this.state.view;
    this.router.go({ view, contactCenter: name, at: NaN });
  };

  back() {
    this.router.back();
  }

  onKey(event) {
    if (document.querySelector('dialog[open]')) return;
    const inField = takesText(event.target);
    const action = actionOf(event, inField);
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (action !== 'escape' && !modified && this.state.view === 'recording' && this.recording.onKey(event))
      return;

    switch (action) {
      case 'escape':
        if (this.state.view !== 'search') return this.back();
        if (!inField) return undefined;
        event.preventDefault();
        return this.list.focus();
      case 'search':
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

  async leave() {
    remember(this.lastSearch, '');
    try {
      await signOut();
    } finally {
      location.assign('./');
    }
  }
}

let app; // of whoever is signed in

/** The session has ended meanwhile: what one sees stays until the same user has signed in again. */
function signInAgain() {
  const before = session.user?.userName;
  askAgain(() => {
    if (session.user.userName !== before) return void location.reload(); // what is shown is somebody else's
    app.drawn = '';
    app.show();
  });
}

async function start() {
  applyTheme();
  onExpired(signInAgain);

  try {
    await readSession();
  } catch (error) {
    const again = h('button', { type: 'button', onclick: () => location.reload() }, 'Try again');
    const words = h('p', {}, error.message);
    return void fill(document.body, h('main', { class: 'plain' }, h('h1', {}, 'Recordings'), words, again));
  }

  const enter = () => {
    app = new App();
  };
  if (session.user) enter();
  else fill(document.body, demoRibbon(), signInView(enter), liveRegion());
  document.getElementById('user')?.focus();
  performance.mark('ready');
}

start();
