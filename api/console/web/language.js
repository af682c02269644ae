// The choice of the language. The service reads it from a cookie, so that the page comes in it; who has
// chosen nothing gets the first language of the browser's that there is.

import { h } from './dom.js';
import { language, languages, t } from './texts.js';

const kept = 400 * 86400; // seconds, the longest that browsers keep a cookie

/** A choice among the languages that there are, each in its own words. */
export function languageChoice() {
  const choose = ({ target }) => {
    document.cookie = `recordings-language=${target.value}; Max-Age=${kept}; SameSite=Lax`;
    location.reload(); // the address has what is shown
  };
  const options = Object.entries(languages).map(([tag, name]) =>
    h('option', { value: tag, lang: tag, selected: tag === language }, name),
  );
  return h('select', { class: 'language', 'aria-label': t('page.language'), onchange: choose }, options);
}
