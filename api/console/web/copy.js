// Copying the link to what is shown.

import { h, icon, announce, dialog } from './dom.js';
import { t } from './texts.js';

/** A button that copies an address, which is asked for when it is clicked on. */
export function copyButton(address) {
  const words = h('span', { class: 'copy-words' }, t('call.copy'));
  const onclick = async () => {
    const text = address();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return void showLink(text); // browsers let pages copy only over TLS, or on the machine itself
    }
    announce(t('call.linkCopied'));
    words.textContent = t('call.copied');
    words.classList.add('now');
    setTimeout(() => {
      words.textContent = t('call.copy');
      words.classList.remove('now');
    }, 1500);
  };
  return h('button', { type: 'button', class: 'quiet', onclick }, icon('link'), words);
}

/** Shows an address, to be copied by hand. */
function showLink(text) {
  dialog(t('call.linkTitle'), () =>
    h('input', {
      value: text,
      readonly: true,
      'aria-label': t('call.link'),
      onfocus: (event) => event.target.select(),
    }),
  );
}
