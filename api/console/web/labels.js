// The labels that the calls of a contact center may bear.

import { h, fill, announce } from './dom.js';
import { ask, base, segment, send } from './api.js';
import { form } from './marks.js';

/** The card of label definitions. */
export function labelsCard() {
  const list = h('ul', { class: 'left-list labels' });
  const status = h('p', { class: 'muted', role: 'status' });
  const path = () => `${base()}/recording-label-definitions`;

  const look = async () => {
    try {
      const { definitions } = await ask(path());
      fill(list, definitions.map(item));
      status.textContent = definitions.length === 0 ? 'There are no labels yet.' : '';
    } catch (error) {
      fill(list);
      fill(status, `${error.message} `, h('button', { type: 'button', onclick: look }, 'Try again'));
    }
  };

  /** Looks again, and says what was done; what had the focus may be gone. */
  const done = async (words) => {
    await look();
    announce(words);
  };

  const item = (d) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h('b', {}, h('bdi', {}, d.displayName)),
        d.displayName !== d.name && h('span', { class: 'muted' }, h('bdi', {}, d.name)),
        d.description && h('span', {}, h('bdi', {}, d.description)),
      ),
      h(
        'div',
        { class: 'row' },
        button('Change', d, () => change(d)),
        button('Delete', d, () => drop(d)),
      ),
    );

  const button = (what, d, onclick) =>
    h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': `${what} ${d.displayName}`, onclick },
      `${what}…`,
    );

  const create = () => {
    const name = h('input', { id: 'new-label', required: true, maxlength: 64, autocomplete: 'off' });
    const shown = shownInputs();
    form(
      'New label',
      [
        h('label', { for: 'new-label' }, 'Name'),
        name,
        h('p', { class: 'hint' }, 'Latin letters, digits and signs, without spaces. It cannot be changed later.'),
        shown.fields,
      ],
      'Create',
      () => send(path(), 'POST', { name: name.value.trim(), ...shown.values() }).then(() => null),
      () => done('The label is created'),
    );
  };

  const change = (d) => {
    const shown = shownInputs(d);
    form(
      `Label ${d.name}`,
      shown.fields,
      'Save',
      () => send(`${path()}/${segment(d.name)}`, 'PUT', shown.values()).then(() => null),
      () => done('The label is changed'),
    );
  };

  const drop = (d) => {
    const force = h('input', { type: 'checkbox', id: 'label-force' });
    const borne = h(
      'label',
      { class: 'whole many-media', for: 'label-force', hidden: true },
      force,
      'Take it off these calls, too',
    );
    const act = async () => {
      try {
        await ask(`${path()}/${segment(d.name)}${force.checked ? '?force=true' : ''}`, { method: 'DELETE' });
      } catch (error) {
        if (error.status !== 409) throw error;
        borne.hidden = false;
        force.focus();
        throw new Error(error.message.split(';')[0]); // what the page offers is told by the box
      }
    };
    form(
      'Delete this label?',
      [
        h('p', {}, 'No call can be labeled ', h('b', {}, h('bdi', {}, d.displayName)), ' any more. If calls bear it, ' +
          'you are asked first.'),
        borne,
      ],
      'Delete',
      act,
      () => done('The label is deleted'),
      'danger',
    );
  };

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': 'Labels' },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, 'Labels'),
          h('p', { class: 'muted' }, 'That calls of this contact center may bear.'),
        ),
        h('button', { type: 'button', onclick: create }, 'New label…'),
      ),
      status,
      list,
    ),
    show: look,
  };
}

/** How a label is shown: the fields of a form, and what stands in them. */
function shownInputs({ displayName = '', description = '' } = {}) {
  const input = (id, value, maxlength) => h('input', { id, value, maxlength, autocomplete: 'off' });
  const display = input('label-display', displayName, 256);
  const about = input('label-about', description, 1024);
  return {
    fields: [
      h('label', { for: 'label-display' }, 'Shown as'),
      display,
      h('label', { for: 'label-about' }, 'What it is for'),
      about,
    ],
    values: () => ({
      ...(display.value.trim() && { displayName: display.value.trim() }),
      ...(about.value.trim() && { description: about.value.trim() }),
    }),
  };
}
