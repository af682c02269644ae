// Holds and labels, of one call and of many. They are the service's own: no recorder sets them.

import { h, fill, icon, iconButton, announce, dialog } from './dom.js';
import { ask, base, segment, send } from './api.js';
import { styled } from './later.js';
import { moment, parseTime } from './time.js';
import { sentence, t } from './texts.js';

/** How many calls one request is about at most. */
const most = 1000;

/**
 * Fills an element with the hold and the labels of a recording, and with what can be done about them.
 * changed is called when the recording has other ones.
 */
export async function showMarks(element, recording, changed = () => {}) {
  await styled('later.css');
  const path = `${base()}/recordings/${segment(recording.id)}`;
  const problem = h('p', { class: 'problem', role: 'alert' });

  const again = async (words) => {
    const now = (await ask(path)).recording;
    recording.nonDelete = now.nonDelete;
    recording.labels = now.labels;
    draw();
    changed();
    announce(words);
  };
  const remove = async (name) => {
    problem.textContent = '';
    try {
      await ask(`${path}/labels/${segment(name)}`, { method: 'DELETE' });
      await again(t('marks.labelRemoved'));
      element.querySelector('button')?.focus();
    } catch (error) {
      problem.textContent = error.message;
    }
  };

  const draw = () => {
    const { nonDelete: hold, labels = [] } = recording;
    fill(
      element,
      hold &&
        h(
          'p',
          { class: 'hold' },
          icon('hold'),
          h(
            'span',
            {},
            sentence(hold.reason ? 'marks.heldFor' : 'marks.held', {
              held: h('b', {}, t('marks.underHold')),
              time: moment(parseTime(hold.time)),
              user: h('bdi', {}, hold.user),
              reason: h('bdi', {}, hold.reason ?? ''),
            }),
          ),
        ),
      h(
        'div',
        { class: 'row' },
        labels.map((label) => chip(label, () => remove(label.name))),
        button(t('marks.addLabel'), () => labelDialog([recording.id], true, () => again(t('marks.labelAdded')))),
        hold
          ? button(t('marks.release'), () => holdDialog([recording.id], false, () => again(t('marks.released'))))
          : button(t('marks.hold'), () => holdDialog([recording.id], true, () => again(t('marks.isHeld')))),
      ),
      problem,
    );
  };
  draw();
}

const button = (words, onclick) => h('button', { type: 'button', class: 'quiet', onclick }, words);

function chip({ name, value, time, user }, remove) {
  return h(
    'span',
    { class: 'label-chip', title: `${moment(parseTime(time))}, ${user}` },
    h('bdi', {}, value ? `${name}: ${value}` : name),
    iconButton('close', t('marks.removeName', { name }), remove),
  );
}

/** Puts calls under hold, or releases them; done is called afterwards. */
export function holdDialog(ids, on, done) {
  const reason = h('input', { id: 'reason', maxlength: 1024, autocomplete: 'off' });
  form(
    on ? t('marks.holdTitle') : t('marks.releaseTitle'),
    [
      h('p', {}, t(on ? 'marks.holdAbout' : 'marks.releaseAbout', { n: ids.length })),
      on && [h('label', { for: 'reason' }, t('marks.reason')), reason],
    ],
    on ? t('marks.holdSubmit') : t('marks.releaseSubmit'),
    () =>
      operate(ids, {
        operationName: on ? 'applyNonDelete' : 'unapplyNonDelete',
        ...(on && reason.value.trim() && { reason: reason.value.trim() }),
      }),
    done,
  );
}

/** Puts a label on calls, or takes it off. */
export async function labelDialog(ids, on, done) {
  const names = h('datalist', { id: 'label-names' });
  const name = h('input', {
    id: 'label-name',
    list: 'label-names',
    required: true,
    maxlength: 64,
    autocomplete: 'off',
  });
  const value = h('input', { id: 'label-value', maxlength: 256, autocomplete: 'off' });
  const definitions = `${base()}/recording-label-definitions`;
  let known = [];

  const act = async () => {
    const label = name.value.trim();
    if (on && !known.some((d) => d.name.toLowerCase() === label.toLowerCase()))
      await send(definitions, 'POST', { name: label });
    if (ids.length === 1 && on) {
      const labels = `${base()}/recordings/${segment(ids[0])}/labels`;
      return send(labels, 'POST', { name: label, ...(value.value.trim() && { value: value.value.trim() }) });
    }
    return operate(ids, { operationName: on ? 'addLabel' : 'removeLabel', name: label });
  };
  form(
    on ? t('marks.addTitle') : t('marks.removeTitle'),
    [
      h('p', {}, t(on ? 'marks.addAbout' : 'marks.removeAbout', { n: ids.length })),
      h('label', { for: 'label-name' }, t('marks.label')),
      name,
      names,
      on && ids.length === 1 && [h('label', { for: 'label-value' }, t('marks.value')), value],
      on && h('p', { class: 'hint' }, t('marks.newName')),
    ],
    on ? t('marks.addSubmit') : t('marks.removeSubmit'),
    act,
    done,
  );
  try {
    known = (await ask(definitions)).definitions ?? [];
    fill(names, known.map((d) => h('option', { value: d.name }, d.displayName)));
  } catch {
    /* a name can be typed all the same */
  }
}

/** A dialog with a form, which is returned; act does what it asks for, and returns those that failed, if any. */
export function form(title, fields, words, act, done, kind = 'primary') {
  return dialog(
    title,
    (close) => {
      const problem = h('div', { class: 'problem', role: 'alert' });
      const submit = h('button', { class: kind, type: 'submit' }, words);
      const onsubmit = async (event) => {
        event.preventDefault();
        submit.disabled = true;
        fill(problem);
        try {
          const { failed = [] } = (await act()) ?? {};
          await done();
          if (failed.length === 0) return void close();
          fill(problem, h('p', {}, t('marks.failed', { n: failed.length })), failed.slice(0, 20).map(failure));
        } catch (error) {
          problem.textContent = error.message;
        }
        submit.disabled = false;
      };
      return h(
        'form',
        { class: 'stack-form', onsubmit },
        fields,
        problem,
        h('div', { class: 'row end' }, h('button', { type: 'button', onclick: close }, t('common.cancel')), submit),
      );
    },
    'narrow',
  );
}

const failure = ({ id, statusMessage }) => h('p', {}, h('bdi', {}, id), `: ${statusMessage}`);

/** Asks for an operation on calls, as many at a time as the API takes. */
async function operate(ids, operation) {
  if (ids.length === 1 && operation.operationName.endsWith('NonDelete'))
    return send(`${base()}/recordings/${segment(ids[0])}`, 'POST', operation);
  const failed = [];
  for (let at = 0; at < ids.length; at += most) {
    const answer = await send(`${base()}/recordings`, 'POST', {
      ...operation,
      recordings: ids.slice(at, at + most),
    });
    failed.push(...(answer.failed ?? []));
  }
  return { failed };
}
