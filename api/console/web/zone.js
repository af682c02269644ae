// The dialog in which one chooses the time zone that everything is shown in.

import { h, dialog } from './dom.js';
import { remember } from './state.js';
import { currentZone, useZone, viewerZone, zones, zoneText } from './time.js';

/** Lets the viewer choose; onChosen is called when all times are to be shown anew. */
export function chooseZone(onChosen) {
  dialog(
    'Time zone',
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
          problem.textContent = 'This browser does not know such a zone; an example is Europe/Berlin.';
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
        h('label', { for: 'zone' }, 'All times are shown in this zone, and read in it where you type them'),
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
          h('button', { type: 'button', onclick: () => choose(viewerZone) }, `Mine: ${zoneText(viewerZone)}`),
          h('button', { class: 'primary', type: 'submit' }, 'Use this zone'),
        ),
      );
    },
    'narrow',
  );
}
