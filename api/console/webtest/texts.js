import { readFileSync } from 'node:fs';

/** The texts of a language, as the service puts them into the page. */
export const textsOf = (language) => ({
  language,
  languages: { de: 'Deutsch', en: 'English' },
  texts: JSON.parse(readFileSync(new URL(`../web/texts/${language}.json`, import.meta.url), 'utf8')),
});
