// The labels that the calls of a contact center may bear.

import { h, fill, announce } from './dom.js';
import { ask, base, segment, send } from './api.js';
import { form } from './marks.js';
import { sentence, t } from './texts.js';

/** The card of label definitions. */
export function labelsCard() {
  const list = h('ul', { class: 'left-list labels' });
  const status = h('p', { class: 'muted', role: 'status' });
  const path = () => `${base()}/recording-label-definitions`;

  const look = async () => {
    try {
      const { definitions } = await ask(path());
      fill(list, definitions.map(item));
      status.textContent = definitions.length === 0 ? t('labels.nothing') : '';
    } catch (error) {
      fill(list);
      fill(status, `${error.message} `, h('button', { type: 'button', onclick: look }, t('common.tryAgain')));
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
        button('change', d, () => change(d)),
        button('delete', d, () => drop(d)),
      ),
    );

  const button = (what, d, onclick) =>
    h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': t(`labels.${what}_name`, { name: d.displayName }), onclick },
      t(`labels.${what}`),
    );

  const create = () => {
    const name = h('input', { id: 'new-label', required: true, maxlength: 64, autocomplete: 'off' });
    const shown = shownInputs();
    form(
      t('labels.new'),
      [
        h('label', { for: 'new-label' }, t('labels.name')),
        name,
        h('p', { class: 'hint' }, t('labels.nameHint')),
        shown.fields,
      ],
      t('labels.create'),
      () => send(path(), 'POST', { name: name.value.trim(), ...shown.values() }).then(() => null),
      () => done(t('labels.created')),
    );
  };

  const change = (d) => {
    const shown = shownInputs(d);
    form(
      t('labels.one', { name: d.name }),
      shown.fields,
      t('labels.save'),
      () => send(`${path()}/${segment(d.name)}`, 'PUT', shown.values()).then(() => null),
      () => done(t('labels.changed')),
    );
  };

  const drop = (d) => {
    const force = h('input', { type: 'checkbox', id: 'label-force' });
    const borne = h(
      'label',
      { class: 'whole many-media', for: 'label-force', hidden: true },
      force,
      t('labels.force'),
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
      t('labels.drop'),
      [
        h('p', {}, sentence('labels.dropAbout', { name: h('b', {}, h('bdi', {}, d.displayName)) })),
        borne,
      ],
      t('labels.dropSubmit'),
      act,
      () => done(t('labels.deleted')),
      'danger',
    );
  };

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': t('labels.title') },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, t('labels.title')),
          h('p', { class: 'muted' }, t('labels.about')),
        ),
        h('button', { type: 'button', onclick: create }, t('labels.button')),
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
      h('label', { for: 'label-display' }, t('labels.shown')),
      display,
      h('label', { for: 'label-about' }, t('labels.purpose')),
      about,
    ],
    values: () => ({
      ...(display.value.trim() && { displayName: display.value.trim() }),
      ...(about.value.trim() && { description: about.value.trim() }),
    }),
  };
}
