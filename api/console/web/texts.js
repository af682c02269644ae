// The texts of the page in the language of whoever looks at it, with its numbers. They stand in texts/, one
// file for each language; the service puts those of the right one into the page, so that they are there at
// once (console.go).
//
// A text is a whole sentence, with {places} for what differs. One that depends on a number has a form for
// each category of plurals of its language, and the number is its place n.

let texts;
let plurals;
let numbers;

/** The language of the texts: "en"; where its numbers and dates are written as in locale: "en-GB". */
export let language;
export let locale;

/** The languages that there are, each with its own name for itself: { en: 'English' }. */
export let languages;

/** Speaks a language from now on. wanted are the locales that the viewer prefers, the best first. */
export function useTexts(given, wanted = globalThis.navigator?.languages ?? []) {
  ({ language, languages, texts } = given);
  locale = wanted.find((tag) => tag.split('-')[0] === language) ?? language;
  plurals = new Intl.PluralRules(language);
  numbers = new Intl.NumberFormat(locale);
}

if (globalThis.document) useTexts(JSON.parse(document.getElementById('texts').textContent));

/** A number as one writes it: 1,234. */
export const numberText = (n) => numbers.format(n);

const found = (key) => {
  const [section, name] = key.split('.');
  return texts[section]?.[name];
};

/** Reports whether there is a text of this name. */
export const hasText = (key) => found(key) !== undefined;

/**
 * A text as its parts, for what may be an element: strings, and what was given for its places. A number is
 * written as one writes it. A text or a place that there is not is an error: both are tested for.
 */
export function sentence(key, places = {}) {
  const entry = found(key);
  const text = typeof entry === 'object' ? (entry[plurals.select(places.n)] ?? entry.other) : entry;
  if (text === undefined) throw new Error(`no text ${key}`);
  return text.split(/\{(\w+)\}/).map((part, i) => {
    if (i % 2 === 0) return part;
    const place = places[part];
    if (place === undefined) throw new Error(`nothing for ${part} of ${key}`);
    return typeof place === 'number' ? numberText(place) : place;
  });
}

/** A text: t('results.calls', { n: 3 }) is "3 calls". */
export const t = (key, places) => sentence(key, places).join('');

/** How much some bytes are. */
export function sizeText(bytes) {
  if (bytes < 1e6) return t('common.kilobytes', { n: Math.ceil(bytes / 1e3) });
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  const [unit, size] = bytes < 1e9 ? ['megabytes', 1e6] : ['gigabytes', 1e9];
  return t(`common.${unit}`, { size: new Intl.NumberFormat(locale, digits).format(bytes / size) });
}
