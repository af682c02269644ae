// What the page tells beside its views: what has just been done, and what an address asked for in
// vain. It stands until it is closed, or until one goes on.

import { h, fill, iconButton } from './dom.js';

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
    fill(element, text, iconButton('close', 'Close this message', clear));
  };
  return { element, say, clear };
}

const files = (n) => (n === 1 ? '1 media file' : `${n} media files`);

/**
 * What a deletion has deleted, in words. media: the media were to go as well; left of them could
 * not be deleted.
 */
export function deletedWords({ caller, dialed, when, media, total, left }) {
  const call = `the call \u2068${caller}\u2069 → \u2068${dialed}\u2069 of ${when}`;
  if (!media) {
    const stay = total === 1 ? 'Its media file stays' : `Its ${files(total)} stay`;
    return `Deleted: the metadata of ${call}. ${total > 0 ? `${stay} in storage.` : 'It had no media files.'}`;
  }
  if (left === 0) return `Deleted: ${call}, with its ${total === 1 ? 'media file' : files(total)}.`;
  const gone = total > left ? `${total - left} of its ${files(total)}` : 'none of its media files';
  return (
    `Deleted: the metadata of ${call}, and ${gone}. ` +
    `What could not be deleted (${files(left)}) is listed under Operations.`
  );
}
