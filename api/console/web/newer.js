// Says above the results that there are newer calls than these: results stay as they are until somebody
// wants others.
//
// It is asked for when somebody comes back to the page, and once a minute for some minutes after they did
// something on it: each question is a search, in the audit log, too.

import { h, fill } from './dom.js';
import { ask, base } from './api.js';
import { criteriaOf } from './state.js';
import { isoTime, parseTime } from './time.js';
import { t } from './texts.js';

/** How often it is asked for, and for how long after the last key or click, in milliseconds. */
const every = 60e3;
const awake = 600e3;

/** How many of the calls that may be newer are looked at: those that are shown already are not. */
const most = 20;

/** Watches for calls that are newer than those of a list of results; again is called to search again. */
export function watchNewer(list, again) {
  let asked = -Infinity; // when it was asked for last, and when somebody did something, by the clock of the page
  let active = performance.now();
  let asking = null;

  const look = async () => {
    const since = list.since();
    const search = list.current();
    if (document.hidden || !list.element.checkVisibility() || !Number.isFinite(since) || asking) return;
    asked = performance.now();
    const query = criteriaOf(search);
    const before = query.get('changedSince');
    if (!before || parseTime(before) < since) query.set('changedSince', isoTime(since));
    asking = new AbortController();
    try {
      const answer = await ask(`${base()}/recordings?${query}&limit=${most}&total=true`, { signal: asking.signal });
      if (list.current() !== search || list.since() !== since) return; // others are there by now
      const n = answer.total - answer.recordings.filter((r) => list.knows(r)).length;
      const show = () => {
        again();
        list.focus();
      };
      fill(
        list.newer,
        n > 0 && [
          h('span', {}, t('newer.calls', { n })),
          h('button', { type: 'button', onclick: show }, t('newer.show')),
        ],
      );
    } catch {
      /* it is asked for again */
    } finally {
      asking = null;
    }
  };

  const soon = () => performance.now() - asked > every && look();
  for (const event of ['keydown', 'pointerdown'])
    addEventListener(event, () => (active = performance.now()), { passive: true, capture: true });
  const back = () => {
    active = performance.now();
    soon();
  };
  document.addEventListener('visibilitychange', () => document.hidden || back());
  addEventListener('focus', back);
  setInterval(() => performance.now() - active < awake && soon(), every / 4);
}
