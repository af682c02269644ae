// What is shown, and the steps of the browser's history. The address bar always holds what is
// shown; see state.js for how it is written.

import { readAddress, writeAddress } from './state.js';

/** Changes of one field within this time, in milliseconds, are one step back. */
const oneGo = 3000;

/**
 * Knows the state: what is shown. Fires "change" whenever it has become another one; event.detail
 * says whether that was a step back in the history, and from which view.
 */
export class Router extends EventTarget {
  /** extras are what every address has beside the state: the contact center and the time zone. */
  constructor(extras) {
    super();
    this.extras = extras;
    this.state = readAddress(location);
    this.lastField = '';
    this.lastChange = 0;

    addEventListener('popstate', () => {
      const before = this.state.view;
      this.state = readAddress(location);
      this.changed(before, true);
    });
  }

  /** The address of something else, or of a moment of a call. */
  address(change) {
    return writeAddress({ ...this.state, ...this.extras(), at: NaN, ...change });
  }

  /** Shows something else; it becomes a step of the browser's history, unless it replaces the last one. */
  go(change, { replace = false, back = false } = {}) {
    const before = this.state.view;
    Object.assign(this.state, { problems: [] }, change); // what was not understood is left behind

    const to = this.address({ at: this.state.at });
    if (replace) history.replaceState(history.state, '', to);
    else history.pushState({ inside: true }, '', to);
    this.changed(before, back);
  }

  /** Searches, as somebody types into a field: what one types in one go is one step back. */
  search(search, field) {
    const now = Date.now();
    const typing = field === this.lastField && now - this.lastChange < oneGo;
    [this.lastField, this.lastChange] = [field, now];
    this.go({ view: 'search', search, at: NaN }, { replace: typing || field === 'submit' });
  }

  /** Goes back to the results: a step back in the history if they were there before. */
  back() {
    if (history.state?.inside) history.back();
    else this.go({ view: 'search', at: NaN }, { back: true });
  }

  changed(before, back) {
    this.dispatchEvent(new CustomEvent('change', { detail: { before, back } }));
  }
}
