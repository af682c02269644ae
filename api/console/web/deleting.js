// Deleting a recording: what exactly goes is chosen each time, and what could not be deleted is
// told and tried again.

import { h, fill, icon, dialog } from './dom.js';
import { ask, base, segment } from './api.js';
import { deletedWords } from './messages.js';
import { parseTime, moment } from './time.js';
import { t } from './texts.js';

/**
 * Asks what is to be deleted of a recording. When its metadata is gone, deleted is called with what
 * that was, in words.
 */
export function deleteDialog(recording, deleted) {
  let gone = null; // what was deleted

  const element = dialog(t('delete.title'), (close) => {
    const body = h('div', {});
    fill(
      body,
      question(
        recording,
        async (media, form) => {
          try {
            const query = media ? '?subresources=*' : '';
            const answer = await ask(`${base()}/recordings/${segment(recording.id)}${query}`, {
              method: 'DELETE',
            });
            gone = { media, left: answer.failed?.length ?? 0, notice: answer.notice ?? [] };
            if (gone.left === 0) return void close();
            const still = (rest) => {
              gone.left = rest.length;
            };
            fill(body, left(answer.failed, close, still));
            element.setAttribute('aria-label', t('delete.partly'));
            element.querySelector('h2').textContent = t('delete.partly');
            body.querySelector('.primary').focus(); // what had the focus is gone
          } catch (error) {
            form.tell(
              error.status === 404
                ? t('delete.gone')
                : error.message,
            );
          }
        },
        close,
      ),
    );
    return body;
  });
  element.addEventListener('close', () => {
    if (gone)
      deleted(h('p', {}, deletedWords({ ...callOf(recording), ...gone })), ...gone.notice.map(paragraph));
  });
}

const paragraph = (text) => h('p', {}, text);

/** How a call is named when it is no more. */
const callOf = (recording) => ({
  caller: recording.callerPhoneNumber,
  dialed: recording.dialedPhoneNumber,
  when: moment(parseTime(recording.startTime)),
  total: recording.mediaFiles.length,
});

function question(recording, act, close) {
  const files = recording.mediaFiles.length;
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { class: 'danger', type: 'submit', disabled: true }, t('delete.submit'));
  const choice = (value, title, text) => {
    const input = h('input', {
      type: 'radio',
      name: 'what',
      id: `delete-${value}`,
      value,
      onchange: () => {
        button.disabled = false;
        button.textContent = value === 'media' ? t('delete.submitMedia') : t('delete.submitMetadata');
      },
    });
    return h(
      'label',
      { class: 'choice', for: `delete-${value}` },
      input,
      h('span', {}, h('b', {}, title), h('span', { class: 'muted' }, text)),
    );
  };
  const form = h(
    'form',
    {
      onsubmit: async (event) => {
        event.preventDefault();
        const media = new FormData(form).get('what') === 'media';
        const words = button.textContent;
        problem.textContent = '';
        button.disabled = true;
        button.textContent = t('delete.deleting');
        await act(media, {
          tell: (text) => {
            problem.textContent = text;
            button.disabled = false;
            button.textContent = words;
          },
        });
      },
    },
    h(
      'p',
      { class: 'call-name' },
      h('b', {}, h('bdi', {}, recording.callerPhoneNumber), ' → ', h('bdi', {}, recording.dialedPhoneNumber)),
      h('span', {}, moment(parseTime(recording.startTime))),
      h('span', { class: 'muted' }, h('bdi', {}, recording.id)),
    ),
    h(
      'fieldset',
      { class: 'choices' },
      h('legend', {}, t('delete.what')),
      choice('metadata', t('delete.metadata'), t('delete.metadataAbout', { n: files })),
      choice('media', t('delete.media'), t('delete.mediaAbout', { n: files })),
    ),
    problem,
    h('div', { class: 'row end' }, h('button', { type: 'button', onclick: close }, t('delete.keep')), button),
  );
  return form;
}

/** What could not be deleted, and another try; still is told what is left then. */
function left(failed, close, still) {
  let rest = failed;
  const list = h('ul', { class: 'left-list' });
  const status = h('p', { role: 'status' });
  const again = h('button', { type: 'button', class: 'primary' }, t('common.tryAgain'));
  const show = () => {
    fill(
      list,
      rest.map((f) =>
        h(
          'li',
          {},
          h('b', {}, h('bdi', {}, f.mediaDescriptor.path)),
          h('span', { class: 'problem' }, f.statusMessage),
        ),
      ),
    );
    again.hidden = rest.length === 0;
  };
  again.addEventListener('click', async () => {
    again.disabled = true;
    status.textContent = t('delete.tryingAgain');
    try {
      rest = await retryLeft(rest);
      still(rest);
      status.textContent =
        rest.length === 0 ? t('delete.allGone') : t('delete.someLeft');
    } catch (error) {
      status.textContent = error.message;
    }
    again.disabled = false;
    show();
  });
  show();
  return [
    h(
      'p',
      { class: 'warning', role: 'alert' },
      icon('trash'),
      h('span', {}, t('delete.leftAbout')),
    ),
    list,
    status,
    h('div', { class: 'row end' }, h('button', { type: 'button', onclick: close }, t('common.close')), again),
  ];
}

/**
 * Tries again what is left behind in the contact center, page by page, and returns those of these
 * that are still there.
 */
export async function retryLeft(these) {
  const failed = new Map();
  const seen = new Set();
  let path = `${base()}/media-left-behind?limit=100`;
  while (path && !these.every((f) => seen.has(f.id))) {
    const answer = await ask(path, { method: 'POST' });
    for (const f of answer.failed) failed.set(f.id, f);
    for (const id of [...answer.deleted, ...answer.kept, ...answer.failed.map((f) => f.id)]) seen.add(id);
    path = answer.nextUri ? answer.nextUri.slice(answer.nextUri.indexOf('/api/v2/') + 1) : '';
  }
  return these.flatMap((f) =>
    failed.has(f.id) ? [{ ...f, statusMessage: failed.get(f.id).statusMessage ?? f.statusMessage }] : [],
  );
}
