// What the page tells beside its views: what has just been done, and what an address asked for in
// vain. It stands until it is closed, or until one goes on.

import { h, fill, iconButton } from './dom.js';
import { t } from './texts.js';

/** The place of messages: { element, say, clear }. Screen readers are told, too. */
export function messageLine() {
  const text = h('div', { class: 'message-text' });
  const element = h('div', { class: 'message', role: 'status' });

  const clear = () => {
    if (element.contains(document.activeElement)) document.getElementById('main')?.focus();
    element.replaceChildren();
  };
  const say = (...words) => {
    fill(text, ...words);
    fill(element, text, iconButton('close', t('page.closeMessage'), clear));
  };
  return { element, say, clear };
}

/**
 * What a deletion has deleted, in words. media: the media were to go as well; left of them could
 * not be deleted.
 */
export function deletedWords({ caller, dialed, when, media, total, left }) {
  const call = { caller, dialed, time: when };
  if (!media) return total === 0 ? t('deleted.none', call) : t('deleted.stay', { ...call, n: total });
  if (left === 0) return t('deleted.all', { ...call, n: total });

  const what = total > left ? t('deleted.some', { ...call, gone: total - left, n: total }) : t('deleted.noMedia', call);
  return `${what} ${t('deleted.left', { n: left })}`;
}
