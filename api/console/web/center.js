// Operations serve every contact center, one at a time.

import { h, dialog } from './dom.js';
import { session } from './api.js';

/** Asks for which contact center; chosen is called with its id. */
export function chooseCenter(chosen) {
  dialog(
    'Contact center',
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
      return h(
        'form',
        {
          onsubmit: (event) => {
            event.preventDefault();
            choose(input.value.trim());
          },
        },
        session.contactCenters.length > 0 &&
          h(
            'div',
            { class: 'stack centers' },
            session.contactCenters.map((name) =>
              h(
                'button',
                {
                  type: 'button',
                  'aria-pressed': String(name === session.contactCenter),
                  onclick: () => choose(name),
                },
                h('bdi', {}, name),
              ),
            ),
          ),
        h('label', { for: 'center' }, session.contactCenters.length > 0 ? 'Another one, by its id' : 'Its id'),
        input,
        h(
          'div',
          { class: 'row end' },
          h('button', { class: 'primary', type: 'submit' }, 'Use this contact center'),
        ),
      );
    },
    'narrow',
  );
}
