// The keys that work everywhere. Those of a call are the player's; those of the list are the
// list's.

import { h, dialog } from './dom.js';

const keys = [
  ['/', 'Go to the search criteria'],
  ['↓', 'In a box: suggestions; ↑ ↓ through them, Enter takes one, Esc closes them'],
  ['↑ ↓', 'Through the results; also Page Up, Page Down, Home, End'],
  ['Enter', 'Open the call'],
  ['Space', 'Select a call; with Shift up to it; Shift ↑ ↓ on and on'],
  ['Ctrl+A', 'Select all calls that are loaded'],
  ['← →', 'In the histogram: move; with Shift choose; Enter narrows to it, Esc chooses nothing'],
  ['Space', 'In a call: play, pause'],
  ['← →', 'In a call: 5 seconds back, on; with Shift 30'],
  ['< >', 'Slower, faster'],
  ['M', 'Sound off, on'],
  ['J K', 'The next call of the results, the previous one'],
  ['Esc', 'Back to the results; from a field to the results'],
  ['?', 'This list'],
];

/** Lists the keys, and leads to the description of the API for those who write programs. */
export function showKeys() {
  const rows = keys.map(([key, what]) => [
    h(
      'dt',
      {},
      key.split(' ').map((k) => h('kbd', {}, k)),
    ),
    h('dd', {}, what),
  ]);
  const described = h('p', {}, h('a', { href: 'api/v2/docs' }, 'The API, for programs'));
  dialog('Keys', () => [h('dl', { class: 'keys' }, rows), described], 'narrow');
}

/** Reports whether an element takes what is typed. */
export const takesText = (element) => Boolean(element.matches?.('input, textarea, select'));

/**
 * What a key asks of the page: 'escape', 'search', 'keys', or '' where it is none of the page's. A
 * key with a modifier is the browser's, and what is typed into a field is the field's.
 */
export function actionOf({ key, ctrlKey, metaKey, altKey }, inField) {
  if (ctrlKey || metaKey || altKey) return '';
  if (key === 'Escape') return 'escape';
  if (inField) return '';
  return { '/': 'search', '?': 'keys' }[key] ?? '';
}
