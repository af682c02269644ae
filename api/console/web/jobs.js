// What goes on in the background, also when nobody looks: the list of all jobs of one kind.

import { h, fill } from './dom.js';
import { ask, session } from './api.js';
import { moment, parseTime, spokenSpan } from './time.js';
import { hasText, t } from './texts.js';

const every = 1000; // milliseconds between two looks while something goes on
const shown = 20; // jobs, the newest

const ended = new Set(['done', 'failed', 'cancelled']);

/** Reports whether something becomes of a job still. */
export const running = (job) => !ended.has(job.phase);

/** What a job does now, in words; section is that of the phases of its kind. */
export const phaseText = (section, phase) => (hasText(`${section}.${phase}`) ? t(`${section}.${phase}`) : phase);

/** By whom a job was begun, and when. */
export const beganText = ({ cause, created }) => t('jobs.began', { who: cause, time: moment(parseTime(created)) });

/**
 * The list of the jobs of a kind: { parts, look, show, hide }. The kind says its name in the texts (kind),
 * where they are (path), which they are of an answer (all), what is said where there are none (nothing),
 * and of a job what it does in words (words), how far it is ([done, total], part), its numbers (numbers),
 * and what else is there to be seen (more), if there is something.
 */
export function jobList(kind) {
  const list = h('ul', { class: 'left-list jobs' });
  const status = h('p', { class: 'muted', role: 'status' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const items = new Map(); // by number, so that a button keeps its focus
  let timer;
  let seen = false;

  const act = async (number, action) => {
    problem.textContent = '';
    try {
      await ask(`${kind.path()}/${number}/${action}`, { method: 'POST' });
    } catch (error) {
      problem.textContent = error.message;
    }
    look();
  };

  const draw = (all) => {
    const gone = new Set(items.keys());
    for (const job of all.slice(0, shown)) {
      gone.delete(job.number);
      if (!items.has(job.number)) items.set(job.number, jobItem(kind, `${kind.path()}/${job.number}`, act));
      items.get(job.number).show(job);
    }
    for (const number of gone) items.delete(number);
    const now = all.slice(0, shown).map((job) => items.get(job.number).element);
    if (now.length !== list.children.length || now.some((x, i) => x !== list.children[i])) fill(list, now);
    status.textContent = all.length === 0 ? kind.nothing : '';
  };

  const look = async () => {
    clearTimeout(timer);
    const center = session.contactCenter;
    try {
      const all = kind.all(await ask(kind.path()));
      if (center !== session.contactCenter) return;
      draw(all);
      if (seen && all.some(running)) timer = setTimeout(look, every);
    } catch (error) {
      fill(list);
      items.clear();
      status.textContent = error.message;
      if (seen && error.status !== 401) timer = setTimeout(look, 5 * every);
    }
  };

  return {
    parts: [status, list, problem],
    look,
    show: () => {
      seen = true;
      fill(list);
      items.clear();
      look();
    },
    hide: () => {
      seen = false;
      clearTimeout(timer);
    },
  };
}

/** One job of the list: { element, show }. act does something with it. */
function jobItem(kind, path, act) {
  const head = h('b');
  const text = h('p', { role: 'status' });
  const numbers = h('p', { class: 'muted' });
  const bar = h('progress', { max: 1, value: 0, hidden: true });
  const buttons = h('div', { class: 'row' });
  const body = h('div', { class: 'job' }, head, text, bar, numbers);
  const element = h('li', {}, body, buttons);
  let more = null;

  const show = (job) => {
    const going = running(job);
    const [done, total] = kind.part(job);
    const places = { number: String(job.number) };
    head.textContent = t(`jobs.${kind.kind}`, places);
    text.textContent = job.verdict || job.waits || kind.words(job);
    bar.hidden = !going || total === 0;
    bar.max = Math.max(1, total);
    bar.value = done;
    bar.setAttribute('aria-label', t(`jobs.${kind.kind}_progress`, places));
    numbers.textContent = [...kind.numbers(job, going), ...(going ? paceOf(job) : [])].join(' · ');
    if (!more && kind.more) body.append((more = kind.more(job)));

    if (buttons.dataset.phase === job.phase) return;
    buttons.dataset.phase = job.phase;
    const button = (name, action, style = '') =>
      h('button', { type: 'button', class: style, onclick: () => act(job.number, action) }, name);
    fill(
      buttons,
      job.phase === 'unconfirmed' && button(t('jobs.confirm'), 'resume', 'danger'),
      job.phase === 'paused' && button(t('jobs.goOn'), 'resume', 'primary'),
      going && !['paused', 'unconfirmed'].includes(job.phase) && button(t('jobs.pause'), 'pause'),
      going && button(t('common.cancel'), 'cancel'),
      !going &&
        !job.resultsDropped &&
        h(
          'a',
          {
            class: 'button quiet',
            href: `${path}/results`,
            download: `${kind.kind}-${job.number}.ndjson`,
          },
          t('jobs.save'),
        ),
    );
  };
  return { element, show };
}

/** How fast a job is, and how long that lets it take. */
export function paceOf(job) {
  const parts = [];
  if (job.rate > 0) parts.push(t('jobs.rate', { n: Math.round(job.rate) }));
  if (job.secondsLeft > 0) parts.push(t('jobs.left', { time: spokenSpan(job.secondsLeft * 1000) }));
  return parts;
}
