// The dialog in which one chooses the time zone that everything is shown in.

import { h, dialog } from './dom.js';
import { remember } from './state.js';
import { currentZone, useZone, viewerZone, zones, zoneText } from './time.js';
import { t } from './texts.js';

/** Lets the viewer choose; onChosen is called when all times are to be shown anew. */
export function chooseZone(onChosen) {
  dialog(
    t('zone.title'),
    (close) => {
      const input = h('input', {
        id: 'zone',
        list: 'zones',
        value: currentZone(),
        autocomplete: 'off',
        spellcheck: 'false',
        'aria-describedby': 'zone-problem',
      });
      const problem = h('p', { class: 'problem', id: 'zone-problem', role: 'alert' });

      const choose = (name) => {
        if (!useZone(name)) {
          problem.textContent = t('zone.unknown');
          return;
        }
        remember('timeZone', name === viewerZone ? '' : name);
        close();
        onChosen();
      };

      const onsubmit = (event) => {
        event.preventDefault();
        choose(input.value.trim());
      };
      return h(
        'form',
        { onsubmit },
        h('label', { for: 'zone' }, t('zone.about')),
        input,
        h(
          'datalist',
          { id: 'zones' },
          zones().map((z) => h('option', { value: z })),
        ),
        problem,
        h(
          'div',
          { class: 'row end' },
          h(
            'button',
            { type: 'button', onclick: () => choose(viewerZone) },
            t('zone.mine', { zone: zoneText(viewerZone) }),
          ),
          h('button', { class: 'primary', type: 'submit' }, t('zone.use')),
        ),
      );
    },
    'narrow',
  );
}
