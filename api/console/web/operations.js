// What operations look after: deletions and retention, media that could not be deleted or is not there,
// labels, and the search index.

import { h, fill } from './dom.js';
import { ask, base, localPath, may, session, segment } from './api.js';
import { contactCenters } from './center.js';
import { moment, parseTime } from './time.js';
import { deletionsCard } from './deletions.js';
import { healthCard } from './health.js';
import { labelsCard } from './labels.js';
import { reconcileCard } from './reconcile.js';
import { reindexCard } from './reindex.js';
import { retentionCard } from './retention.js';
import { sentence, t } from './texts.js';
import { usersCard } from './users.js';

/** The view of operations. search returns the criteria that stand under Calls. */
export function operationsView({ search }) {
  const left = leftBehind();
  const deletions = deletionsCard(search);
  const [reconciliations, labels] = [reconcileCard(), labelsCard()];
  const health = may('service') ? [healthCard()] : [];
  const service = may('service') ? [retentionCard(), reindexCard(), usersCard()] : []; // of all contact centers
  const element = h(
    'div',
    { class: 'view operations', 'aria-label': t('view.operations') },
    h('h1', { tabindex: -1 }, t('view.operations')),
    health.map((card) => card.element),
    deletions.element,
    left.element,
    reconciliations.element,
    labels.element,
    service.map((card) => card.element),
  );
  return {
    element,
    show: () => {
      for (const card of [...health, deletions, left, reconciliations, labels, ...service]) card.show();
      element.querySelector('h1').focus({ preventScroll: true });
    },
    hide: () => {
      for (const card of [...health, deletions, reconciliations, ...service]) card.hide?.();
    },
  };
}

/** The media that could not be deleted, of the contact center. */
function leftBehind() {
  const list = h('ul', { class: 'left-list' });
  const status = h('p', { class: 'muted', role: 'status' });
  const retry = h('button', { type: 'button' }, t('leftBehind.retry'));
  const more = h('button', { type: 'button', hidden: true }, t('leftBehind.more'));
  const name = h('bdi', { class: 'muted' });
  let next = '';

  const item = (m) => {
    const line = h(
      'li',
      {},
      h(
        'div',
        {},
        h('b', {}, h('bdi', {}, m.mediaDescriptor.path)),
        h(
          'span',
          { class: 'muted' },
          sentence('leftBehind.facts', {
            storage: m.mediaDescriptor.storage,
            recording: h('bdi', {}, m.recordingId),
            time: moment(parseTime(m.since)),
          }),
        ),
        h('span', { class: 'problem' }, m.statusMessage),
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'quiet',
          title: t('leftBehind.forgetAbout'),
          onclick: () => forget(m, line),
        },
        t('leftBehind.forget'),
      ),
    );
    return line;
  };

  const forget = async (m, line) => {
    try {
      await ask(`${base()}/media-left-behind/${segment(m.id)}`, { method: 'DELETE' });
      line.remove();
      if (list.children.length === 0) show();
    } catch (error) {
      status.textContent = error.message;
    }
  };

  const page = async (path) => {
    const answer = await ask(path);
    next = answer.nextUri ? localPath(answer.nextUri) : '';
    list.append(...answer.media.map(item));
    more.hidden = !next;
    retry.hidden = list.children.length === 0;
  };

  const show = async () => {
    list.replaceChildren();
    name.textContent = session.contactCenter;
    retry.hidden = more.hidden = true;
    status.textContent = t('leftBehind.reading');
    try {
      await page(`${base()}/media-left-behind?limit=100`);
      status.textContent = list.children.length === 0 ? await nothing() : '';
    } catch (error) {
      fill(status, `${error.message} `, h('button', { type: 'button', onclick: show }, t('common.tryAgain')));
    }
  };

  /** What is said of an empty list; nobody knows anything of a contact center that there is not. */
  const nothing = async () => {
    const all = await contactCenters();
    return all.some((c) => c.id === session.contactCenter)
      ? t('leftBehind.nothing')
      : t('leftBehind.unknown');
  };

  retry.addEventListener('click', async () => {
    retry.disabled = true;
    const done = { deleted: 0, kept: 0, failed: 0 };
    status.textContent = t('delete.tryingAgain');
    try {
      for (let path = `${base()}/media-left-behind?limit=100`; path;) {
        const answer = await ask(path, { method: 'POST' });
        for (const what of Object.keys(done)) done[what] += answer[what].length;
        status.textContent = t('leftBehind.trying', done);
        path = answer.nextUri ? localPath(answer.nextUri) : '';
      }
      await show();
      status.textContent = t('leftBehind.tried', done);
    } catch (error) {
      status.textContent = error.message;
    }
    retry.disabled = false;
  });
  more.addEventListener('click', () =>
    page(next).catch((error) => {
      status.textContent = error.message;
    }),
  );

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': t('leftBehind.title') },
      h('div', { class: 'card-head' }, h('div', {}, h('h2', {}, t('leftBehind.title')), name), retry),
      h(
        'p',
        { class: 'muted' },
        t('leftBehind.about'),
      ),
      status,
      list,
      more,
    ),
    show,
  };
}
