// Why a search has found nothing, and what to try. What is offered has been tried before.

import { h, fill } from './dom.js';
import { ask, base, isOps, session } from './api.js';
import { describe, partsOf, reason, suggestions } from './advice.js';
import { criteriaOf, emptySearch } from './state.js';
import { moment, parseTime } from './time.js';

/** Only when nobody has typed on for this time, in milliseconds, is anything else searched for. */
const pause = 300;

/** How many other searches are offered at most, and how many are tried for it. */
const mostOffered = 4;
const mostTried = 8;

/**
 * Fills the note that stands in place of results. again searches for something else, center goes to
 * another contact center; signal ends what goes on for the note.
 */
export function emptyNote(search, note, { again, center }, signal) {
  const parts = partsOf(search);
  note.hidden = false;
  if (parts.length === 0) return void noCalls(note, center, signal);

  const why = h('div', { class: 'why', 'aria-live': 'polite' });
  const others = h('div', { class: 'others', 'aria-live': 'polite' });
  fill(note, h('h2', {}, 'No call matches'), h('p', {}, reason(search)), why, others);

  const timer = setTimeout(async () => {
    const newest = await first(emptySearch(), signal).catch(() => undefined);
    if (signal.aborted) return;
    if (newest === null) return void noCalls(note, center, signal);

    if (parts.length > 1) await explain(criteriaOf(search), why, signal);
    else if (!parts[0].name && newest) fill(why, h('p', {}, `The newest call began ${timeOf(newest)}.`));
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

/** Says that there are no calls at all. */
function noCalls(note, center, signal) {
  fill(
    note,
    h('h2', {}, 'There are no calls yet'),
    h('p', {}, 'Calls appear here as soon as the recorder has posted them.'),
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
          h(
            'dd',
            { class: x.matches === 0 ? 'none' : '' },
            x.matches === 1 ? '1 call' : `${x.matches.toLocaleString()} calls`,
          ),
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

    if (row.children.length === 0) fill(others, h('p', {}, 'These find calls:'), row);
    row.append(h('button', { type: 'button', onclick: () => again(other) }, words));
    if (row.children.length === mostOffered) return;
  }
}
