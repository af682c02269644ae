// One call: its player and timeline, what happened, and everything else that is known about it.

import { h, fill, icon, iconButton, announce, dialog } from './dom.js';
import { ask, base, segment, mediaPath, isOps, may } from './api.js';
import { arrange, layOut } from './axis.js';
import { copyButton } from './copy.js';
import { notesOf, sizeNote } from './sound.js';
import { budgetOfCall, inspect } from './waveform.js';
import { timeline } from './timeline.js';
import { Player, seekStep, speeds } from './player.js';
import { playerBar, playsNext } from './playerbar.js';
import { details } from './details.js';
import { fetched, styled } from './later.js';
import { exactly } from './boxes.js';
import { dataKey } from './criteria.js';
import { emptySearch } from './state.js';
import { dataOf, nameOf } from './summary.js';
import { clock, currentZone, moment, span, zoneText } from './time.js';
import { sentence, t } from './texts.js';

/**
 * The view of one call. back leaves it, step goes to the next (1) or the one before (-1), linkTo is
 * the address of the call at a moment, actions are more buttons for a recording. searches is what finds other
 * calls: { addressOf, find }, both called with a search.
 */
export function recordingView({ back, step, hasStep, linkTo, actions, searches }) {
  const found = finder(searches);
  const element = h('article', { class: 'view recording', 'aria-label': t('view.recording') });
  let open = null; // { recording, player, line, layout, drafts, zone }
  let asking = null;
  let stepping = false; // to the next call, or the one before

  /** Goes on to the next call (1), or the one before (-1), which plays at once if that was chosen. */
  const go = (by) => {
    stepping = true;
    step(by);
    stepping = false; // show was called meanwhile, if there is such a call
  };

  const close = () => {
    asking?.abort();
    open?.ended.abort();
    open?.player.close();
    open?.line.close();
    open = null;
  };

  const show = async (id, at) => {
    const plays = stepping && playsNext();
    if (open?.recording.id === id) {
      const { recording, player, layout, zone } = open;
      if (Number.isFinite(at)) player.seek(layout.origin + at);
      if (zone === currentZone()) return;
      const position = player.position - layout.origin; // its times are to be told in another zone
      const drafts = open.comments ? open.comments.drafts() : open.drafts;
      close();
      return void build(recording, position, drafts);
    }
    close();
    const mine = new AbortController();
    asking = mine;
    const slow = setTimeout(
      () => fill(element, bar(id), h('p', { class: 'muted wide' }, t('call.reading'))),
      250,
    );
    try {
      const answer = await ask(`${base()}/recordings/${segment(id)}`, { signal: mine.signal });
      if (asking !== mine) return;
      build(answer.recording, at);
      if (plays && open.player.playable.length > 0) open.player.play();
    } catch (error) {
      if (mine.signal.aborted) return;
      const gone = error.status === 404;
      fill(
        element,
        bar(id),
        h(
          'div',
          { class: 'note' },
          h('h2', {}, gone ? t('call.gone') : t('call.unread')),
          h(
            'p',
            {},
            gone ? t('call.goneAbout') : error.message,
          ),
          h(
            'div',
            { class: 'row' },
            h('button', { type: 'button', onclick: back }, t('call.back')),
            !gone && h('button', { type: 'button', onclick: () => show(id, at) }, t('common.tryAgain')),
          ),
        ),
      );
    } finally {
      clearTimeout(slow);
    }
  };

  const bar = (id, ...more) =>
    h(
      'div',
      { class: 'call-bar' },
      h('button', { type: 'button', class: 'quiet', onclick: back }, icon('back'), t('call.results')),
      hasStep(id, -1) && iconButton('back', t('call.previous'), () => go(-1)),
      hasStep(id, 1) && iconButton('next', t('call.next'), () => go(1)),
      h('span', { class: 'space' }),
      more,
    );

  const build = (recording, at, drafts) => {
    const layout = layOut(recording);
    for (const file of layout.files) {
      file.url = mediaPath(file.media.mediaUri);
      file.previewUrl = mediaPath(file.media.mediaUri, { preview: 1 }); // as long as nobody listens
    }
    const player = new Player(layout);
    const line = timeline(layout, player);
    const ended = new AbortController();
    open = { recording, player, line, layout, ended, drafts, zone: currentZone() };
    const call = open;
    player.addEventListener('measured', () => measured(open), { signal: ended.signal });
    const link = () => linkTo(recording.id, Math.max(0, player.position - layout.origin));
    const copy = copyButton(() => new URL(link(), location.href).href);
    fill(
      element,
      bar(recording.id, copy, downloads(layout), actions(recording)),
      header(recording, layout, found),
      marksOf(recording, () => call.comments?.draw()),
      h(
        'section',
        { class: 'card', 'aria-label': t('player.title') },
        problems(layout, player),
        line.element,
        playerBar(player, layout),
      ),
      commentsOf(call, drafts),
      h('div', { class: 'call-columns' }, eventList(layout, player, found), details(recording, layout, isOps())),
      may('audit') && listenedCard(recording, layout),
    );
    line.redraw();
    player.seek(layout.origin + (Number.isFinite(at) ? at : 0));
    player.prepare();
    inspectAll(layout.files, player, ended.signal);
    announce(t('call.announced', { caller: recording.callerPhoneNumber, dialed: recording.dialedPhoneNumber }));
    document.title = `${recording.callerPhoneNumber} → ${recording.dialedPhoneNumber}`.slice(0, 200);
    scrollTo(0, 0);
    element.querySelector('h1').focus({ preventScroll: true });
  };

  /** Draws the axis anew: the audio is longer or shorter than was thought. */
  const measured = (call) => {
    const focused = document.activeElement === call.line.slider;
    arrange(call.layout);
    call.line.close();
    const line = timeline(call.layout, call.player);
    call.line.element.replaceWith(line.element);
    call.line = line;
    call.comments?.place();
    line.redraw();
    if (focused) line.slider.focus({ preventScroll: true });
  };

  const onKey = (event) => {
    const player = open?.player; // none while a call is on its way, and where there is no such call
    const onControl = event.target.matches?.('button, a, summary, select, input, textarea');
    const seek = (by) => player.seek(player.position + by);
    const ofPlayer = player && {
      ' ': () => player.toggle(),
      ArrowLeft: () => seek(-seekStep(event.shiftKey)),
      ArrowRight: () => seek(seekStep(event.shiftKey)),
      m: () => player.mute(),
      '<': () => faster(player, -1),
      '>': () => faster(player, 1),
    };
    const acts = { ...ofPlayer, j: () => go(1), k: () => go(-1) };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const taken = event.key === ' ' || event.target.matches('select, input:not([type=checkbox]), textarea');
    if (!act || (onControl && taken)) return false;
    event.preventDefault();
    act();
    return true;
  };

  /** Fetches again what could not be fetched, as before somebody signed in again. */
  const again = () => {
    for (const file of open?.layout.files ?? []) if (file.retryable) open.player.retry(file);
  };

  return { element, show, hide: close, onKey, again, redraw: () => open?.line.redraw() };
}

function faster(player, by) {
  const i = Math.max(0, Math.min(speeds.length - 1, speeds.indexOf(player.rate) + by));
  player.rate = speeds[i];
  announce(t('player.speedIs', { n: speeds[i] }));
}

function header(r, layout, found) {
  const stop = Math.max(...layout.files.map((f) => f.stop));
  const agents = layout.lanes.filter((l) => l.contact.type === 'User').map((l) => l.name);
  const number = (name) => h('bdi', {}, found(name, r[name]));
  return h(
    'header',
    { class: 'call-head' },
    h(
      'h1',
      { tabindex: -1 },
      number('callerPhoneNumber'),
      h('span', { class: 'arrow', 'aria-label': t('call.to') }, ' → '),
      number('dialedPhoneNumber'),
    ),
    h(
      'p',
      { class: 'muted' },
      t('call.when', {
        from: moment(layout.origin),
        to: clock(stop),
        zone: zoneText(currentZone(), layout.origin),
        length: span(stop - layout.origin),
      }),
    ),
    agents.length > 0 &&
      h(
        'p',
        {},
        agents.flatMap((name, i) => [i > 0 && ', ', h('bdi', {}, found('userName', name))]),
      ),
  );
}

/** Why a file is not drawn: its bytes were not fetched, or the browser plays and does not decode it. */
const undrawn = (fetched) => t(fetched ? 'sound.undrawn' : 'sound.tooLong');

/** Looks into all files, one after the other: how long they are, and how loud. */
async function inspectAll(files, player, signal) {
  const budget = { left: budgetOfCall };
  for (const file of files) {
    try {
      const { bytes, length, peaks, silence, fetched } = await inspect(file, budget, signal);
      if (signal.aborted) return;
      file.bytes = bytes;
      file.peaks = peaks ?? null;
      file.undrawn = peaks || file.encrypted ? '' : undrawn(fetched);
      file.silence = silence ?? '';
      player.measured(file, length);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404) player.lacks(file);
    }
    player.drawn(file);
  }
}

/** What cannot be heard, and why; and where what can be heard is not as it should be. */
function problems(layout, player) {
  const element = h('div', { class: 'file-problems' });
  const show = () =>
    fill(
      element,
      layout.files
        .flatMap((f) => textsOf(f).map((text) => [f, text]))
        .map(([f, text]) =>
          h(
            'p',
            { class: 'file-problem', role: 'status' },
            icon(f.encrypted ? 'lock' : f.problem ? 'muted' : 'wave'),
            h(
              'span',
              {},
              layout.files.length > 1 && [h('b', {}, t('call.fileProblem', { number: f.index + 1 })), ' '],
              text,
              text === f.problem &&
                f.encrypted &&
                f.media.certAlias?.length > 0 && [
                  ' ',
                  sentence('sound.certificate', { names: h('bdi', {}, f.media.certAlias.join(', ')) }),
                ],
            ),
            text === f.problem &&
              f.retryable &&
              h('button', { type: 'button', onclick: () => player.retry(f) }, t('common.tryAgain')),
          ),
        ),
    );
  let last = '';
  const changed = () => {
    const now = layout.files.flatMap(textsOf).join('\n');
    if (now !== last) show();
    last = now;
  };
  player.addEventListener('change', changed);
  player.addEventListener('drawn', changed);
  changed();
  return element;
}

/** What is said of a file: why it cannot be heard, else what is odd about it. */
const textsOf = (file) => {
  const size = sizeNote(file);
  return file.problem ? [file.problem, ...(size ? [size] : [])] : notesOf(file);
};

function downloads(layout) {
  const link = (f, words) =>
    h(
      'a',
      {
        class: 'button quiet',
        href: mediaPath(f.media.mediaUri, { download: 1 }),
        download: '',
        'data-file': f.index,
      },
      icon('download'),
      words,
    );
  if (layout.files.length === 1) return link(layout.files[0], t('call.download'));
  return h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      onclick: () =>
        dialog(
          t('call.download'),
          () =>
            h(
              'div',
              { class: 'stack' },
              layout.files.map((f) =>
                link(
                  f,
                  t('call.fileOf', { number: f.index + 1, time: clock(f.start), length: span(f.stop - f.start) }),
                ),
              ),
            ),
          'narrow',
        ),
    },
    icon('download'),
    t('call.download'),
  );
}

/** The hold and the labels of a call; changed is called when they have become others. */
function marksOf(recording, changed) {
  const element = h('section', { class: 'marks', 'aria-label': t('marks.title') });
  fetched(() => import('./marks.js'))
    .then(({ showMarks }) => showMarks(element, recording, changed))
    .catch((error) => fill(element, h('p', { class: 'problem' }, error.message)));
  return element;
}

/**
 * The comments on a call, with what was written and not sent. What shows them is kept with the call: they are on its
 * timeline, too.
 */
function commentsOf(call, drafts) {
  const element = h('section', { class: 'card comments', 'aria-label': t('comments.title') });
  fetched(() => Promise.all([import('./comments.js'), styled('later.css')]))
    .then(([{ showComments }]) => {
      if (!call.ended.signal.aborted) call.comments = showComments(element, call, drafts);
    })
    .catch((error) => fill(element, h('p', { class: 'problem' }, error.message)));
  return element;
}

/** Who has listened. It is asked for when somebody wants to know. */
function listenedCard(recording, layout) {
  const body = h('div', { 'aria-live': 'polite' });
  const look = async ({ target }) => {
    if (!target.open || body.dataset.asked) return;
    body.dataset.asked = 'yes';
    try {
      const { showListened } = await fetched(() => import('./listened.js'));
      await showListened(body, recording, layout);
    } catch (error) {
      delete body.dataset.asked; // opened again, it is asked again
      fill(body, h('p', { class: 'problem' }, error.message));
    }
  };
  return h(
    'section',
    { class: 'card listened', 'aria-label': t('listened.title') },
    h('details', { ontoggle: look }, h('summary', {}, h('h2', {}, t('listened.title'))), body),
  );
}

/**
 * Makes links to the calls that a value of this one finds: a function of the criterion and of the value. A value
 * that cannot be searched for is just a text.
 */
function finder({ addressOf, find }) {
  return (name, value) => {
    const criterion = exactly(name, value);
    if (!criterion) return value;
    const search = { ...emptySearch(), criteria: { [name]: criterion } };
    const onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens it elsewhere
      event.preventDefault();
      find(search);
    };
    return h('a', { class: 'find', href: addressOf(search), title: t('call.find', { value }), onclick }, value);
  };
}

/** All events, as a list that can be read, and sought by. */
function eventList(layout, player, found) {
  const items = layout.events.map((event) =>
    h(
      'li',
      { class: event.event === 'data' ? 'event data' : 'event' },
      h(
        'button',
        { type: 'button', class: 'quiet when', title: moment(event.at), onclick: () => player.seek(event.at) },
        h('span', {}, span(event.at - layout.origin)),
        h('span', { class: 'muted' }, clock(event.at)),
      ),
      h('div', {}, words(event, found)),
    ),
  );
  return h(
    'section',
    { class: 'card', 'aria-label': t('events.title') },
    h('h2', {}, t('events.title')),
    items.length > 0
      ? h('ol', { class: 'events' }, items)
      : h('p', { class: 'muted' }, t('events.none')),
  );
}

function words(event, found) {
  const did = { Joined: 'events.joined', data: 'events.attached' }[event.event] ?? 'events.left';
  if (event.event !== 'data') return who(event.contact, did, found);
  return [
    event.contact && who(event.contact, did, found),
    h(
      'dl',
      { class: 'facts' },
      dataOf(event).map(([name, value, change]) => [
        h('dt', {}, h('bdi', {}, name), change && h('span', { class: `change ${change}` }, t(`change.${change}`))),
        // what was taken away is not searched, and neither is what has values of its own
        h('dd', {}, h('bdi', {}, change === 'deleted' || /^[{[]/.test(value) ? value : found(dataKey + name, value))),
      ]),
    ),
  ];
}

function who(contact, did, found) {
  const name = nameOf(contact);
  const named = contact.firstName || contact.lastName || contact.userName;
  const more = [
    ['userName', contact.userName],
    ['phoneNumber', contact.phoneNumber],
  ].filter(([, x]) => x && x !== name);
  return h(
    'p',
    {},
    sentence(did, { name: h('b', {}, h('bdi', {}, found(named ? 'userName' : 'phoneNumber', name))) }),
    ' ',
    h(
      'span',
      { class: 'muted' },
      more.flatMap(([criterion, x], i) => [i > 0 && ' · ', h('bdi', {}, found(criterion, x))]),
    ),
  );
}
