// The criteria of a search: the names that the API gives them, how the page calls them, and what is
// typed into their boxes.
//
// The kinds are: number, a phone number; expression, terms with AND and "quotes"; value, a text that
// is compared as a whole; choice, one of its options; seconds; time, a moment. Those with more are
// folded away until they are wanted. Those that suggest complete what is typed (suggest.js). What the page
// calls them, and the hint of those that have one, are texts: criteria.NAME and criteria.NAME_hint.

import { t } from './texts.js';

export const criteria = [
  { name: 'callerPhoneNumber', kind: 'number', hint: true, suggests: true },
  { name: 'dialedPhoneNumber', kind: 'number', suggests: true },
  { name: 'phoneNumber', kind: 'number', suggests: true },
  { name: 'userName', kind: 'expression', hint: true, suggests: true },
  { name: 'userData', kind: 'expression', hint: true, suggests: true },
  { name: 'startTime', kind: 'time' },
  { name: 'startedBefore', kind: 'time', last: true },
  { name: 'callUUID', kind: 'value', more: true },
  { name: 'mediaId', kind: 'value', more: true, hint: true },
  { name: 'minDuration', kind: 'seconds', more: true, hint: true },
  { name: 'maxDuration', kind: 'seconds', more: true, hint: true },
  { name: 'endedAfter', kind: 'time', more: true },
  { name: 'endTime', kind: 'time', last: true, more: true },
  { name: 'nonDelete', kind: 'choice', more: true, options: ['', 'true', 'false'] },
  { name: 'label', kind: 'expression', more: true, hint: true },
  { name: 'comment', kind: 'expression', more: true, hint: true },
  { name: 'callType', kind: 'expression', more: true, hint: true },
  { name: 'changedSince', kind: 'time', more: true },
];

const byName = new Map(criteria.map((c) => [c.name, c]));

/** What the names begin with of criteria about the values of user data under a key, which goes on. */
export const dataKey = 'userDataKey.';
const keyOf = (name) => (name.startsWith(dataKey) ? name.slice(dataKey.length) : '');

export const names = criteria.map((c) => c.name);
export const isCriterion = (name) => byName.has(name) || keyOf(name) !== '';
export const kindOf = (name) => byName.get(name)?.kind ?? (keyOf(name) ? 'expression' : '');
export const labelOf = (name) => (byName.has(name) ? t(`criteria.${name}`) : keyOf(name) || name);

/** The box in which a criterion stands. */
export const boxOf = (name) => (keyOf(name) ? 'userData' : name);

/** The two that make the span of time in which a call began; presets set them, too. */
export const [from, to] = ['startTime', 'startedBefore'];

/** The criteria whose value is kept as the API reads it: all but the span of time. */
const kept = names.filter((name) => name !== from && name !== to);

/** Those of them that are among some names, in order: first the one of a box, then those with keys. */
export const keptAmong = (some) => [
  ...kept.filter((name) => some.includes(name)),
  ...some.filter((name) => keyOf(name) !== ''),
];
