// Who has listened to a call, when, and to which part: from the audit log.

import { h, fill } from './dom.js';
import { askLines, auditPath } from './api.js';
import { styled } from './later.js';
import { moment, parseTime } from './time.js';

/** How many entries of the log are looked at. */
const newest = 1000;

/** Fills an element with who has listened to a recording, or has saved its media. */
export async function showListened(element, recording, layout) {
  fill(element, h('p', { class: 'muted' }, 'Reading the audit log…'));
  const asked = askLines(auditPath({ recording: recording.id, newest }));
  const [lines] = await Promise.all([asked, styled('later.css')]);
  const all = listenings(lines, layout.files);
  const heard = all.filter((one) => one.action !== 'preview');
  const drawn = all.filter((one) => one.action === 'preview');
  fill(
    element,
    heard.length === 0 ? h('p', { class: 'muted' }, 'Nobody, as far as the audit log goes back.') : tableOf(heard),
    drawn.length > 0 &&
      h(
        'details',
        { class: 'drawn' },
        h('summary', {}, 'Who only had it drawn'),
        h(
          'p',
          { class: 'muted' },
          'Whoever opens a call gets its sound, so that the page can draw it. These did not press Play.',
        ),
        tableOf(drawn),
      ),
    lines.length === newest && h('p', { class: 'muted' }, 'Older ones are in the audit log.'),
  );
}

const tableOf = (all) =>
  h(
    'table',
    { class: 'lines' },
    h('thead', {}, h('tr', {}, ['When', 'Who', 'What'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, all.map(rowOf)),
  );

const rowOf = ({ time, user, role, address, words }) =>
  h(
    'tr',
    {},
    h('td', {}, moment(parseTime(time))),
    h('td', {}, h('b', {}, h('bdi', {}, user)), h('span', { class: 'muted' }, ` ${role} · ${address ?? ''}`)),
    h('td', {}, words),
  );

/** The listenings, downloads and drawings among the lines of the log, the newest first. */
export function listenings(lines, files) {
  const all = [];
  const begun = new Map();
  for (const line of lines) {
    const got = ['begun', 'done', 'partly'].includes(line.outcome); // not who found nothing there
    if (!got || !['play', 'download', 'preview'].includes(line.action)) continue;
    const first = begun.get(line.facts?.begun);
    if (first) {
      first.words = wordsOf(line, files); // now it is known what was heard
      first.nothing = line.facts.bytes === 0;
      continue;
    }
    const one = { ...line, words: wordsOf(line, files) };
    begun.set(line.sequence, one);
    all.push(one);
  }
  return all.filter((one) => !one.nothing).reverse();
}

/** What somebody did, in words: "played 40 % of file 1". */
function wordsOf({ action, outcome, facts = {} }, files) {
  const at = files.findIndex((f) => f.media.mediaUri.endsWith(`/play/${encodeURIComponent(facts.media ?? '')}`));
  const file = files.length > 1 && at >= 0 ? `file ${at + 1}` : 'it';
  if (action === 'download') {
    const some = outcome === 'partly' ? 'a part of it' : files.length > 1 ? 'all of it' : 'it';
    const what = facts.archive ? `${some}, in a ZIP with others` : file;
    return outcome === 'begun' ? `is saving ${what}` : `saved ${what}`;
  }
  const [began, did] = action === 'play' ? ['began to play', 'played'] : ['had', 'had'];
  const end = action === 'play' ? '' : ' drawn';
  if (outcome === 'begun') return `${began} ${file}${end}`; // which part it was is told when it has ended

  const heard = bytesOf(facts.ranges ?? '');
  const size = Number(files[at]?.media.size) || files[at]?.bytes;
  if (!heard) return `${began} ${file}${end}`;
  if (!size) return `${did} ${file}${end}`;
  return heard >= size * 0.99 ? `${did} all of ${file}${end}` : `${did} ${percent(heard / size)} of ${file}${end}`;
}

const percent = (share) => `${Math.max(1, Math.round(share * 100))} %`;

/** How many bytes there are in ranges, "0-999,5000-5009". */
const bytesOf = (ranges) =>
  ranges
    .split(',')
    .map((range) => range.split('-').map(Number))
    .reduce((sum, [from, to]) => sum + (to >= from ? to - from + 1 : 0), 0);
