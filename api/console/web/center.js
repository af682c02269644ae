// Operations, and administrators of several, see one contact center at a time.

import { h, fill, dialog } from './dom.js';
import { ask, isBound, isOps, session } from './api.js';
import { t } from './texts.js';

/** The contact centers that there are, with how many recordings each has: { id, recordings }. */
export async function contactCenters(signal) {
  return (await ask('api/v2/ops/contact-centers', { signal })).contactCenters;
}

/** Asks for which contact center; chosen is called with its id. */
export function chooseCenter(chosen) {
  dialog(
    t('center.title'),
    (close) => {
      const input = h('input', {
        id: 'center',
        value: session.contactCenter,
        autocomplete: 'off',
        spellcheck: 'false',
        required: true,
        maxlength: 256,
      });
      const choose = (name) => {
        if (name) {
          close();
          chosen(name);
        }
      };

      const list = h('div', { class: 'stack centers' });
      const label = h('label', { for: 'center' });
      /** Lists contact centers; the counts may come later, or never. */
      const show = (all) => {
        const focused = document.activeElement?.dataset.center;
        fill(list, all.map(buttonOf));
        list.hidden = all.length === 0;
        label.textContent = all.length > 0 ? t('center.another') : t('center.id');
        if (focused) [...list.children].find((b) => b.dataset.center === focused)?.focus();
      };
      const buttonOf = ({ id, recordings }) =>
        h(
          'button',
          {
            type: 'button',
            'aria-pressed': String(id === session.contactCenter),
            'data-center': id,
            onclick: () => choose(id),
          },
          h('bdi', {}, id),
          recordings !== undefined &&
            h('span', { class: 'muted' }, t('common.calls', { n: recordings })),
        );
      show(session.contactCenters.map((id) => ({ id })));
      if (isOps()) contactCenters().then(show, () => {}); // those that the session knows are there already
      if (isBound()) return list;

      return h(
        'form',
        {
          onsubmit: (event) => {
            event.preventDefault();
            choose(input.value.trim());
          },
        },
        list,
        label,
        input,
        h(
          'div',
          { class: 'row end' },
          h('button', { class: 'primary', type: 'submit' }, t('center.use')),
        ),
      );
    },
    'narrow',
  );
}
