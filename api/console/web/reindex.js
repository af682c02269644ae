// The search index: how it is, and building it anew, with live progress.

import { h, fill, dialog } from './dom.js';
import { ask } from './api.js';
import { paceOf, phaseText } from './jobs.js';
import { moment, parseTime } from './time.js';
import { t } from './texts.js';

const path = 'api/v2/ops/reindex';
const every = 1000; // milliseconds between two looks while something goes on

const ended = new Set(['idle', 'done', 'failed', 'cancelled']);
/** The card of the search index. show looks, and goes on looking while something goes on; hide ends that. */
export function reindexCard() {
  const bar = h('progress', {
    max: 1,
    value: 0,
    'aria-label': t('reindex.progress'),
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
      h('p', {}, r.verdict || phaseText('reindexPhase', r.phase)),
      running && h('p', { class: 'muted' }, progressOf(r)),
      !running && r.ended && h('p', { class: 'muted' }, t('reindex.ended', { time: moment(parseTime(r.ended)) })),
    );
    const now = [running ? 'running' : 'ended', r.phase === 'paused'].join();
    if (buttons.dataset.state === now) return;
    buttons.dataset.state = now;
    fill(
      buttons,
      !running &&
        h('button', { type: 'button', onclick: () => confirmReindex(() => act('')) }, t('reindex.button')),
      running && r.phase === 'paused' && button(t('jobs.goOn'), '/resume', 'primary'),
      running && r.phase !== 'paused' && button(t('jobs.pause'), '/pause'),
      running && button(t('common.cancel'), '/cancel'),
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
      { class: 'card', 'aria-label': t('reindex.title') },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, t('reindex.title')),
          h('p', { class: 'muted' }, t('reindex.about')),
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
    t('reindex.question'),
    (close) => {
      const yes = () => {
        close();
        build();
      };
      return h(
        'div',
        {},
        h('p', {}, t('reindex.questionAbout')),
        h(
          'div',
          { class: 'row end' },
          h('button', { type: 'button', onclick: close }, t('reindex.leave')),
          h('button', { type: 'button', class: 'primary', onclick: yes }, t('reindex.build')),
        ),
      );
    },
    'narrow',
  );
}

const progressOf = (r) => [t('reindex.done', { done: r.done, n: r.total }), ...paceOf(r)].join(' · ');
