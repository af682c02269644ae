// Which columns the list of calls has. Everybody may choose others (choose.js): they are remembered on this
// device, for each user.
//
// A column has a name; that of the values of user data under a key is userDataKey.KEY, as the API calls the
// criterion. The time is always the first: it is the link to the call.

import { dataKey } from './criteria.js';
import { remember, remembered } from './state.js';
import { t } from './texts.js';

/** The columns that one may choose beside those of keys, in their order. */
export const choosable = ['duration', 'caller', 'dialed', 'agents', 'type', 'data', 'labels', 'media'];

/** The columns of who has not chosen any. */
export const standard = ['time', ...choosable.filter((name) => !['type', 'labels'].includes(name))];

/** How many keys may have a column at most, and how long a key is then. */
export const mostKeys = 5;
export const longestKey = 100;

/** The key of a column; "" where it is of something else. */
export const keyOf = (name) => (name.startsWith(dataKey) ? name.slice(dataKey.length) : '');

export const columnOf = (key) => dataKey + key;

/** What is said above a column. */
export const headOf = (name) => keyOf(name) || t(`column.${name}`);

/** In cards, those of these columns stand in a line of their own. */
export const isExtra = (name) => ['data', 'labels'].includes(name) || keyOf(name) !== '';

/** Columns in the order in which they are shown, each once, with the time; what is none is left out. */
export function ordered(names) {
  const keys = new Map(); // the first of those that differ in letter case only
  for (const key of names.map(keyOf)) {
    const folded = key.toLowerCase();
    if (key.trim() && key.length <= longestKey && !keys.has(folded) && keys.size < mostKeys) keys.set(folded, key);
  }
  const chosen = choosable.filter((name) => names.includes(name));
  const at = chosen.filter((name) => !isExtra(name) && name !== 'media').length;
  return ['time', ...chosen.slice(0, at), ...[...keys.values()].map(columnOf), ...chosen.slice(at)];
}

export const isStandard = (names) => names.join('\n') === standard.join('\n');

const place = (user) => `columns.${user}`;

/** The columns that a user has chosen. What is remembered and damaged is as if nothing was chosen. */
export function chosenColumns(user) {
  try {
    const names = JSON.parse(remembered(place(user)));
    return names.every((name) => typeof name === 'string') ? ordered(names) : standard;
  } catch {
    return standard;
  }
}

export const rememberColumns = (user, names) =>
  remember(place(user), isStandard(names) ? '' : JSON.stringify(names));

const widths = {
  time: 'var(--time)',
  duration: '4rem',
  caller: 'minmax(0, 7.75rem)',
  dialed: 'minmax(0, 7.75rem)',
  agents: 'minmax(0, 1.4fr)',
  type: 'minmax(0, 6rem)',
  data: 'minmax(0, 1.4fr)',
  media: '5.5rem',
};

/** How wide columns are, as a template of a grid in CSS: they always fit beside each other. */
export const templateOf = (names) => names.map((name) => widths[name] ?? 'minmax(0, 1fr)').join(' ');
