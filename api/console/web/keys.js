// The keys that work everywhere. Those of a call are the player's; those of the list are the
// list's.

import { h, dialog } from './dom.js';
import { hasText, t } from './texts.js';

/** The keys, as they stand on the keyboard or by the name of a text, and the text of what they do. */
const keys = [
  [['/'], 'search'],
  [['↓'], 'suggestions'],
  [['↑', '↓'], 'results'],
  [['enter'], 'open'],
  [['space'], 'select'],
  [['ctrlA'], 'selectAll'],
  [['←', '→'], 'histogram'],
  [['space'], 'play'],
  [['←', '→'], 'seek'],
  [['<', '>'], 'speed'],
  [['M'], 'mute'],
  [['J', 'K'], 'step'],
  [['esc'], 'back'],
  [['?'], 'list'],
];

const capOf = (key) => (hasText(`key.${key}`) ? t(`key.${key}`) : key);

/** Lists the keys, and leads to the description of the API for those who write programs. */
export function showKeys() {
  const rows = keys.map(([some, what]) => [
    h(
      'dt',
      {},
      some.map((key) => h('kbd', {}, capOf(key))),
    ),
    h('dd', {}, t(`keys.${what}`)),
  ]);
  const described = h('p', {}, h('a', { href: 'api/v2/docs' }, t('keys.api')));
  dialog(t('keys.title'), () => [h('dl', { class: 'keys' }, rows), described], 'narrow');
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
