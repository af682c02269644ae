// What the API says about a field, in the language of the page. The API speaks English; what it
// says most often to people who type has words here, and all else is shown as the API said it.

import { language, t } from './texts.js';

/** What the API says, and the text of it; groups of the expression are its places. */
const known = [
  [/^has an unclosed quote/, 'refusal.quote'],
  [/^has an empty pair of quotes/, 'refusal.emptyQuote'],
  [/^has an (?<word>AND|OR) without a term/, 'refusal.operator'],
  [/^has a NOT, /, 'refusal.not'],
  [/^holds white space only/, 'refusal.blank'],
  [/^is longer than (?<most>\d+) bytes/, 'refusal.long'],
  [/^has more than (?<most>\d+) wildcards/, 'refusal.stars'],
  [/^has more than (?<most>\d+) terms/, 'refusal.terms'],
  [/^is not a number of seconds/, 'refusal.seconds'],
  [/^has a wildcard \(\*\) that is not its last/, 'refusal.star'],
  [/^is given more than once, as keys/, 'refusal.keyTwice'],
  [/^cannot be added: a recording has at most (?<most>\d+) comments/, 'refusal.comments'],
  [/^is longer than (?<most>\d+) characters/, 'refusal.characters'],
  [/^is one criterion with a key too many; accepted are (?<most>\d+)/, 'refusal.keys'],
];

/** What is wrong with a field, as a sentence. message is the API's, without the name of the field. */
export function refusalText(message) {
  if (language === 'en') return t('refusal.asTold', { message });
  const [form, key] = known.find(([expression]) => expression.test(message)) ?? [];
  return key ? t(key, form.exec(message).groups) : t('refusal.asTold', { message });
}
