// Who has listened to a call, when, and to which part: from the audit log.

import { h, fill } from './dom.js';
import { askLines, auditPath } from './api.js';
import { styled } from './later.js';
import { moment, parseTime } from './time.js';
import { t } from './texts.js';

/** How many entries of the log are looked at. */
const newest = 1000;

/** Fills an element with who has listened to a recording, or has saved its media. */
export async function showListened(element, recording, layout) {
  fill(element, h('p', { class: 'muted' }, t('audit.reading')));
  const asked = askLines(auditPath({ recording: recording.id, newest }));
  const [lines] = await Promise.all([asked, styled('later.css')]);
  const all = listenings(lines, layout.files);
  const heard = all.filter((one) => one.action !== 'preview');
  const drawn = all.filter((one) => one.action === 'preview');
  fill(
    element,
    heard.length === 0 ? h('p', { class: 'muted' }, t('listened.nobody')) : tableOf(heard),
    drawn.length > 0 &&
      h(
        'details',
        { class: 'drawn' },
        h('summary', {}, t('listened.drawn')),
        h(
          'p',
          { class: 'muted' },
          t('listened.drawnAbout'),
        ),
        tableOf(drawn),
      ),
    lines.length === newest && h('p', { class: 'muted' }, t('listened.older')),
  );
}

const tableOf = (all) =>
  h(
    'table',
    { class: 'lines' },
    h('thead', {}, h('tr', {}, ['when', 'who', 'what'].map((name) => h('th', { scope: 'col' }, t(`audit.${name}`))))),
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
  const said = (what, percent = 0) =>
    files.length > 1 && at >= 0
      ? t(`heard.${what}_file`, { number: at + 1, percent })
      : t(`heard.${what}_it`, { percent });
  if (action === 'download') {
    const what = outcome === 'begun' ? 'saving' : 'saved';
    if (!facts.archive) return said(what);
    if (outcome === 'partly') return t(`heard.${what}_zipPart`);
    return files.length > 1 ? t(`heard.${what}_zipAll`) : t(`heard.${what}_zip`);
  }

  const [began, did] = action === 'play' ? ['playing', 'played'] : ['drawn', 'drawn'];
  if (outcome === 'begun') return said(began); // which part it was is told when it has ended

  const heard = bytesOf(facts.ranges ?? '');
  const size = Number(files[at]?.media.size) || files[at]?.bytes;
  if (!heard) return said(began);
  if (!size) return said(did);
  if (heard >= size * 0.99) return said(`${did}All`);
  return said(`${did}Part`, Math.max(1, Math.round((heard / size) * 100)));
}

/** How many bytes there are in ranges, "0-999,5000-5009". */
const bytesOf = (ranges) =>
  ranges
    .split(',')
    .map((range) => range.split('-').map(Number))
    .reduce((sum, [from, to]) => sum + (to >= from ? to - from + 1 : 0), 0);
