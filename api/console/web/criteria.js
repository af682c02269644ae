// The criteria of a search: the names that the API gives them, how the page calls them, and what is
// typed into their boxes.
//
// The kinds are: number, a phone number; expression, terms with AND and "quotes"; value, a text that
// is compared as a whole; choice, one of its options; seconds; time, a moment. Those with more are
// folded away until they are wanted. Those that suggest complete what is typed (suggest.js).

export const criteria = [
  {
    name: 'callerPhoneNumber',
    label: 'Caller',
    kind: 'number',
    hint: 'Any part of it; * stands for any digits',
    suggests: true,
  },
  { name: 'dialedPhoneNumber', label: 'Dialed', kind: 'number', suggests: true },
  { name: 'phoneNumber', label: 'Caller, dialed or agent', kind: 'number', suggests: true },
  {
    name: 'userName',
    label: 'Name',
    kind: 'expression',
    hint: 'Any of the words, the last may be unfinished; “quoted” as it is; AND; *',
    suggests: true,
  },
  {
    name: 'userData',
    label: 'User data',
    kind: 'expression',
    hint: 'Any of the values, the last may be unfinished; “quoted” as it is; AND; *; Queue=Billing under a key',
    suggests: true,
  },
  { name: 'startTime', label: 'Began at or after', kind: 'time' },
  { name: 'startedBefore', label: 'Began before', kind: 'time', last: true },
  { name: 'callUUID', label: 'Call UUID', kind: 'value', more: true },
  {
    name: 'mediaId',
    label: 'Media file',
    kind: 'value',
    more: true,
    hint: 'The name that the recorder gave it',
  },
  { name: 'minDuration', label: 'Lasted at least', kind: 'seconds', more: true, hint: 'Seconds' },
  { name: 'maxDuration', label: 'Lasted at most', kind: 'seconds', more: true, hint: 'Seconds' },
  { name: 'endedAfter', label: 'Ended after', kind: 'time', more: true },
  { name: 'endTime', label: 'Ended at or before', kind: 'time', last: true, more: true },
  {
    name: 'nonDelete',
    label: 'Hold',
    kind: 'choice',
    more: true,
    options: [
      ['', 'Under hold or not'],
      ['true', 'Under hold'],
      ['false', 'Not under hold'],
    ],
  },
  { name: 'label', label: 'Label', kind: 'expression', more: true, hint: 'Names; “name=value” for a value' },
  { name: 'changedSince', label: 'Changed at or after', kind: 'time', more: true },
];

const byName = new Map(criteria.map((c) => [c.name, c]));

/** What the names begin with of criteria about the values of user data under a key, which goes on. */
export const dataKey = 'userDataKey.';
const keyOf = (name) => (name.startsWith(dataKey) ? name.slice(dataKey.length) : '');

export const names = criteria.map((c) => c.name);
export const isCriterion = (name) => byName.has(name) || keyOf(name) !== '';
export const kindOf = (name) => byName.get(name)?.kind ?? (keyOf(name) ? 'expression' : '');
export const labelOf = (name) => byName.get(name)?.label ?? (keyOf(name) || name);

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
