// How the service is doing, at a glance: what stands still, what runs, and what the last hour was like.

import { h, fill } from './dom.js';
import { ask, send } from './api.js';
import { paceOf } from './jobs.js';
import { form } from './marks.js';
import { ago, parseTime, spokenSpan } from './time.js';
import { numberText, sizeText, t } from './texts.js';

const every = 5000; // milliseconds between two looks

const ended = new Set(['idle', 'done', 'failed', 'cancelled']);

/** The lines of the last hour: which numbers of it, and the text that tells the newest and the greatest. */
const lines = ['searches', 'searchMs', 'posts', 'errors'];

/** The card of the service. show looks, and goes on looking; hide ends that. */
export function healthCard() {
  const status = h('p', { class: 'health-status', role: 'status' });
  const tiles = h('dl', { class: 'tiles' });
  const hour = h('div', { class: 'hour' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  let backups = null; // those that there are; null: not known
  let without = ''; // why they are not known
  let known = ''; // the phase and the beginning of the backup, when they were asked for
  let timer;
  let seen = false;

  const look = async () => {
    clearTimeout(timer);
    try {
      const now = (await ask('api/v2/ops/status')).status;
      await lookForBackups(`${now.backup.phase} ${now.backup.began}`);
      draw(now);
      problem.textContent = '';
    } catch (error) {
      problem.textContent = error.message;
      if (error.status === 401) return;
    }
    if (seen) timer = setTimeout(look, every);
  };

  const lookForBackups = async (now) => {
    if (now === known) return;
    known = now;
    try {
      ({ backups } = await ask('api/v2/ops/backup'));
      without = '';
    } catch (error) {
      backups = null;
      without = error.message;
    }
  };

  const draw = (now) => {
    const words = now.reason || t(now.ready ? 'health.ready' : 'health.notReady');
    if (status.textContent !== words) status.textContent = words;
    status.classList.toggle('bad', !now.ready || now.broken || now.diskFull || Boolean(now.reason));
    fill(tiles, tilesOf(now).map(tile));
    fill(hour, lines.map((name) => lineOf(name, now.lastHour[name])));
  };

  const tilesOf = (now) => [
    ['recordings', numberText(now.recordings)],
    ['pending', pendingText(now)],
    ['disk', diskText(now), now.diskFull],
    ['backup', backupText(now.backup), now.backup.phase === 'failed'],
    ['verify', verifyText(now.verify), now.verify.problems > 0, now.verify.verdict],
    ['storageErrors', numberText(now.storageErrors), now.storageErrors > 0],
    ['jobs', jobsText(now)],
    ...(now.cluster ? [['cluster', clusterText(now.cluster), now.cluster.health !== 'green']] : []),
    ['uptime', t('health.version', { time: seconds(now.uptime), release: now.version })],
  ];

  const backupText = (now) => {
    if (!ended.has(now.phase)) return t('health.running', { how: progressOf(now) });
    if (now.phase === 'failed') return now.verdict;
    if (without) return without;
    if (!backups?.length) return t('health.noBackup');
    return t('health.lastBackup', { ago: ago(parseTime(backups[0].time)), n: backups[0].recordings });
  };

  const act = (kind, path, body) =>
    form(
      t(`health.${kind}_title`),
      [h('p', {}, t(`health.${kind}_about`))],
      t(`health.${kind}_submit`),
      () => send(path, 'POST', body).then(() => ({})),
      look,
    );
  const button = (kind, ...of) =>
    h('button', { type: 'button', onclick: () => act(kind, ...of) }, t(`health.${kind}_button`));

  return {
    element: h(
      'section',
      { class: 'card health', 'aria-label': t('health.title') },
      h(
        'div',
        { class: 'card-head' },
        h('div', {}, h('h2', {}, t('health.title')), status),
        h(
          'div',
          { class: 'row' },
          button('backup', 'api/v2/ops/backup', {}),
          button('verify', 'api/v2/ops/verify'),
        ),
      ),
      tiles,
      h('h3', {}, t('health.hour')),
      hour,
      problem,
    ),
    show: () => {
      seen = true;
      known = '';
      look();
    },
    hide: () => {
      seen = false;
      clearTimeout(timer);
    },
  };
}

const seconds = (n) => spokenSpan(n * 1000);

/** more is what is told to whoever points at it. */
const tile = ([name, words, bad, more]) => [
  h(
    'div',
    { class: bad ? 'bad' : '', ...(more && { title: more }) },
    h('dt', {}, t(`health.${name}`)),
    h('dd', {}, words),
  ),
];

const pendingText = ({ pending, pendingAge }) =>
  pending > 0 ? t('health.oldest', { n: pending, time: seconds(pendingAge) }) : t('health.nothing');

const diskText = ({ diskUsed, diskFree }) =>
  diskFree > 0
    ? t('health.diskFree', { used: sizeText(diskUsed), free: sizeText(diskFree) })
    : sizeText(diskUsed);

/** How far something is: "37 %, 20 seconds left". */
const progressOf = (job) =>
  [
    job.total > 0 && t('health.percent', { n: Math.floor((100 * job.done) / job.total) }),
    ...paceOf({ secondsLeft: job.secondsLeft }),
  ]
    .filter(Boolean)
    .join(', ') || t('health.begun');

function verifyText(now) {
  if (!ended.has(now.phase)) return t('health.running', { how: progressOf(now) });
  if (!now.ended) return t('health.noVerify');
  const places = { ago: ago(parseTime(now.ended)), verdict: now.verdict || now.phase };
  if (now.problems > 0) return t('health.problems', { ...places, n: now.problems });
  return now.phase === 'done' ? t('health.allWell', { ...places, n: now.done }) : t('health.lastVerify', places);
}

/** The jobs that have not ended, by what they do: those that somebody has to do something about come first. */
const jobStates = ['unconfirmed', 'running', 'waiting', 'paused'];

const statesOf = (kind, counts) =>
  jobStates.map((state) => counts[state] > 0 && t(`health.${kind}_${state}`, { n: counts[state] }));

/** How the cluster is that keeps the recordings. */
function clusterText({ health, nodes, shards, moving, starting, unassigned }) {
  const going = moving + starting;
  return [
    t('health.nodes', { n: nodes }),
    health === 'green' ? t('health.shards', { n: shards }) : t(`health.cluster_${health}`, { n: unassigned }),
    going > 0 && t('health.moving', { n: going }),
  ]
    .filter(Boolean)
    .join('; ');
}

/** What runs now, and what waits. */
function jobsText(now) {
  const all = [
    ...(now.jobs ? statesOf('deletions', now.jobs.deletions) : [t('health.jobsUnknown')]),
    ...(now.jobs ? statesOf('reconciliations', now.jobs.reconciliations) : []),
    now.exports > 0 && t('health.exports', { n: now.exports }),
    !ended.has(now.reindex.phase) && t('health.reindex', { how: progressOf(now.reindex) }),
  ].filter(Boolean);
  return all.join('; ') || t('health.nothing');
}

const SVG = 'http://www.w3.org/2000/svg';

/** The numbers of an hour as a line, with the newest and the greatest of them in words. */
function lineOf(name, numbers) {
  const most = Math.max(...numbers);
  const points = numbers.map((n, i) => `${i},${(20 - (20 * n) / (most || 1)).toFixed(2)}`).join(' ');
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 -1 ${numbers.length - 1} 22`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'polyline');
  line.setAttribute('points', points);
  svg.append(line);
  return h(
    'div',
    { class: name === 'errors' && most > 0 ? 'bad' : '' },
    h('p', {}, t(`health.${name}`)),
    svg,
    h('p', { class: 'muted' }, t(`health.${name}_told`, { now: numbers.at(-2), most })),
  );
}
