// The place of the histogram above the results. It is drawn after them: nothing that is typed waits for
// it, and what is typed next ends what was asked for it.

import { h } from './dom.js';
import { styled } from './later.js';
import { t } from './texts.js';

/** How long nobody has to type before it is asked for, in milliseconds; longer where a key came to nothing. */
const pause = 80;
const longPause = 1500;

/**
 * The place of the histogram. options are those of histogram.js: narrow, total, uncounted and leave. A
 * search is shown with what is known of the results: { first, last }, when the oldest and the newest
 * began, NaN where that is not known.
 */
export function chart(options) {
  const element = h('div', { class: 'chart', hidden: true, role: 'group', 'aria-label': t('chart.title') });
  let asked = null; // the AbortController of what is under way, or waits for nobody to type
  let wanted = null; // what is to be drawn: { search, known }
  let latest = null; // what was wanted last
  let drawing = null; // the promise of what draws

  const stop = () => {
    asked?.abort();
    asked = null;
  };

  /** What draws, fetched when it is first wanted; what did not come is fetched again by the next search. */
  const drawn = () => {
    drawing ??= Promise.all([import('./histogram.js'), styled('histogram.css')])
      .then(([{ histogram }]) => histogram(element, { ...options, again }))
      .catch((error) => {
        drawing = null;
        throw error;
      });
    return drawing;
  };

  const ask = async (mine) => {
    const { search, known } = wanted;
    try {
      const picture = await drawn();
      if (mine.signal.aborted) return;
      await picture.draw(search, known, mine.signal);
      if (asked === mine) [asked, wanted] = [null, null];
    } catch {
      if (mine.signal.aborted) return;
      hide();
      options.uncounted();
    }
  };

  const again = () => latest && show(latest.search, latest.known);

  const after = (wait) => {
    stop();
    const mine = new AbortController();
    asked = mine;
    const begin = () => mine.signal.aborted || ask(mine);
    setTimeout(() => requestAnimationFrame(() => setTimeout(begin)), wait); // what is there is painted first
  };

  /** Says that what is drawn is of another search, until that of the new one is there. */
  const dim = () => {
    stop();
    wanted = null;
    element.setAttribute('aria-busy', 'true');
  };

  const show = (search, known) => {
    element.hidden = false;
    element.setAttribute('aria-busy', 'true');
    wanted = latest = { search, known };
    after(pause);
  };

  /** Lets what is typed go first. Where it makes no other search, what was wanted is asked for later. */
  const yieldTo = () => {
    if (wanted) after(longPause);
  };

  const hide = () => {
    stop();
    wanted = latest = null;
    element.hidden = true;
  };

  return { element, dim, show, hide, yieldTo };
}
