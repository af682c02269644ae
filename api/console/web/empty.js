// Why a search has found nothing, and what to try. What is offered has been tried before.

import { h, fill } from './dom.js';
import { ask, base, isOps, session } from './api.js';
import { contactCenters } from './center.js';
import { describe, partsOf, reason, suggestions } from './advice.js';
import { criteriaOf, emptySearch } from './state.js';
import { moment, parseTime } from './time.js';
import { sentence, t } from './texts.js';

/** Only when nobody has typed on for this time, in milliseconds, is anything else searched for. */
const pause = 300;

/** How many other searches are offered at most, and how many are tried for it. */
const mostOffered = 4;
const mostTried = 8;

/**
 * Fills the note that stands in place of results. again searches for something else, center goes to
 * another contact center; signal ends what goes on for the note. unknown: so is the contact center.
 */
export function emptyNote(search, note, { again, center }, signal, unknown = false) {
  const parts = partsOf(search);
  note.hidden = false;
  if (parts.length === 0 || unknown) return void noCalls(note, center, signal);

  const why = h('div', { class: 'why', 'aria-live': 'polite' });
  const others = h('div', { class: 'others', 'aria-live': 'polite' });
  fill(note, h('h2', {}, t('empty.title')), h('p', {}, reason(search)), why, others);

  const timer = setTimeout(async () => {
    const newest = await first(emptySearch(), signal).catch(() => undefined);
    if (signal.aborted) return;
    if (newest === null) return void noCalls(note, center, signal);

    if (parts.length > 1) await explain(criteriaOf(search), why, signal);
    else if (!parts[0].name && newest) fill(why, h('p', {}, t('empty.newest', { time: timeOf(newest) })));
    await offer(search, others, again, signal);
  }, pause);
  signal.addEventListener('abort', () => clearTimeout(timer));
}

const timeOf = (recording) => moment(parseTime(recording.startTime));

/** The first recording that a search finds, null if there is none. */
async function first(search, signal) {
  const answer = await ask(`${base()}/recordings?${criteriaOf(search)}&limit=1`, { signal });
  return answer.recordings[0] ?? null;
}

/** Says that there are no calls at all, or that nobody knows the contact center. */
async function noCalls(note, center, signal) {
  note.replaceChildren(); // what was said of another search
  try {
    const all = isOps() ? await contactCenters(signal) : [];
    if (isOps() && !all.some((c) => c.id === session.contactCenter))
      return void unknownCenter(note, all, center);
  } catch {
    if (signal.aborted) return; // else it is not known which there are
  }
  fill(
    note,
    h('h2', {}, t('empty.noCalls')),
    h('p', {}, t('empty.noCallsAbout')),
  );
}

/** The most contact centers that are offered in place of one that there is not. */
const mostCenters = 12;

/** Says that there is no such contact center, and which there are. center goes to one of them. */
function unknownCenter(note, all, center) {
  fill(
    note,
    h('h2', {}, t('empty.unknown')),
    h('p', {}, sentence('empty.unknownAbout', { center: h('bdi', {}, session.contactCenter) })),
    all.length > 0 && [
      h('p', { class: 'others-head' }, t('empty.known')),
      h(
        'div',
        { class: 'row' },
        all
          .slice(0, mostCenters)
          .map((c) => h('button', { type: 'button', onclick: () => center(c.id) }, h('bdi', {}, c.id))),
      ),
    ],
  );
}

/** Tells how many each criterion finds alone. */
async function explain(criteria, why, signal) {
  try {
    const answer = await ask(`${base()}/recordings?${criteria}&limit=1&explain=true`, { signal });
    fill(
      why,
      h(
        'dl',
        { class: 'facts' },
        answer.explain.map((x) => [
          h('dt', {}, describe(x.parameter, x.value)),
          h('dd', { class: x.matches === 0 ? 'none' : '' }, t('common.calls', { n: x.matches })),
        ]),
      ),
    );
  } catch (error) {
    if (!signal.aborted) fill(why, h('p', {}, error.message));
  }
}

/** Offers other searches, each as soon as it is known to find something. */
async function offer(search, others, again, signal) {
  const row = h('div', { class: 'row' });
  for (const { words, search: other } of suggestions(search).slice(0, mostTried)) {
    const found = await first(other, signal).catch(() => null); // one that the API does not take is not offered
    if (signal.aborted) return;
    if (!found) continue;

    if (row.children.length === 0) fill(others, h('p', {}, t('empty.others')), row);
    row.append(h('button', { type: 'button', onclick: () => again(other) }, words));
    if (row.children.length === mostOffered) return;
  }
}
