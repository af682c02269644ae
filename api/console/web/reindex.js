// The search index: how it is, and building it anew, with live progress.

import { h, fill, dialog } from './dom.js';
import { ask } from './api.js';
import { moment, parseTime, spokenSpan } from './time.js';

const path = 'api/v2/ops/reindex';
const every = 1000; // milliseconds between two looks while something goes on

const ended = new Set(['idle', 'done', 'failed', 'cancelled']);
const words = {
  idle: 'It has never been built anew.',
  paused: 'Paused.',
  filling: 'Adding the recordings.',
  'catching up': 'Adding what has changed meanwhile.',
  checking: 'Checking the files of the new index.',
  comparing: 'Comparing the new index with the old one.',
  switching: 'Switching to the new index.',
  done: 'Done.',
  failed: 'Failed.',
  cancelled: 'Cancelled.',
};

/** The card of the search index. show looks, and goes on looking while something goes on; hide ends that. */
export function reindexCard() {
  const bar = h('progress', {
    max: 1,
    value: 0,
    'aria-label': 'Progress of building the search index anew',
    hidden: true,
  });
  const status = h('div', { role: 'status' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const buttons = h('div', { class: 'row' });
  let timer;
  let seen = false;

  const button = (text, action, kind = '') =>
    h('button', { type: 'button', class: kind, onclick: () => act(action) }, text);

  const draw = (r) => {
    const running = !ended.has(r.phase);
    bar.hidden = !running;
    bar.max = Math.max(1, r.total);
    bar.value = r.done;
    fill(
      status,
      h('p', {}, r.verdict || words[r.phase] || r.phase),
      running && h('p', { class: 'muted' }, progressOf(r)),
      !running && r.ended && h('p', { class: 'muted' }, `Ended ${moment(parseTime(r.ended))}.`),
    );
    const now = [running ? 'running' : 'ended', r.phase === 'paused'].join();
    if (buttons.dataset.state === now) return;
    buttons.dataset.state = now;
    fill(
      buttons,
      !running &&
        h('button', { type: 'button', onclick: () => confirmReindex(() => act('')) }, 'Build it anew…'),
      running && (r.phase === 'paused' ? button('Go on', '/resume', 'primary') : button('Pause', '/pause')),
      running && button('Cancel', '/cancel'),
    );
  };

  const look = async () => {
    clearTimeout(timer);
    try {
      const { reindex } = await ask(path);
      draw(reindex);
      problem.textContent = '';
      if (seen && !ended.has(reindex.phase)) timer = setTimeout(look, every);
    } catch (error) {
      problem.textContent = error.message;
      if (seen && error.status !== 401) timer = setTimeout(look, 5 * every);
    }
  };

  const act = async (action) => {
    problem.textContent = '';
    try {
      draw((await ask(path + action, { method: 'POST' })).reindex);
      look();
    } catch (error) {
      problem.textContent = error.message;
    }
  };

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': 'Search index' },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, 'Search index'),
          h(
            'p',
            { class: 'muted' },
            'Of all contact centers. Searches go on while it is built anew from the recordings.',
          ),
        ),
        buttons,
      ),
      status,
      bar,
      problem,
    ),
    show: () => {
      seen = true;
      look();
    },
    hide: () => {
      seen = false;
      clearTimeout(timer);
    },
  };
}

/** Asks once whether the index is to be built anew: it takes its time, and disk space. */
function confirmReindex(build) {
  dialog(
    'Build the search index anew?',
    (close) => {
      const yes = () => {
        close();
        build();
      };
      return h(
        'div',
        {},
        h(
          'p',
          {},
          'A new index is built from the recordings of all contact centers, beside the one in use. Searches go on ' +
            'meanwhile, but the service has more to do, and needs disk space for both until the new one takes over.',
        ),
        h(
          'div',
          { class: 'row end' },
          h('button', { type: 'button', onclick: close }, 'Leave it as it is'),
          h('button', { type: 'button', class: 'primary', onclick: yes }, 'Build it anew'),
        ),
      );
    },
    'narrow',
  );
}

function progressOf(r) {
  const parts = [`${r.done.toLocaleString()} of ${r.total.toLocaleString()} recordings`];
  if (r.rate > 0) parts.push(`${Math.round(r.rate).toLocaleString()} per second`);
  if (r.secondsLeft > 0) parts.push(`${spokenSpan(r.secondsLeft * 1000)} left`);
  return parts.join(' · ');
}
