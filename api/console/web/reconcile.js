// Comparing the recordings with what the storages of media have.

import { h } from './dom.js';
import { base, send } from './api.js';
import { beganText, jobList, phaseText } from './jobs.js';
import { numberText, t } from './texts.js';

/** The card of reconciliations. */
export function reconcileCard() {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const path = () => `${base()}/reconciliations`;
  const jobs = jobList({
    kind: 'reconciliation',
    path,
    all: (answer) => answer.reconciliations,
    nothing: t('reconcile.nothing'),
    words: (r) => phaseText('reconcilePhase', r.phase),
    part: (r) => [r.done, r.total],
    numbers,
  });

  const button = h('button', { type: 'button' }, t('reconcile.compare'));
  button.addEventListener('click', async () => {
    button.disabled = true;
    problem.textContent = '';
    try {
      await send(path(), 'POST', {});
      jobs.look();
    } catch (error) {
      problem.textContent = error.message;
    }
    button.disabled = false;
    button.focus();
  });

  return {
    element: h(
      'section',
      { class: 'card', 'aria-label': t('reconcile.title') },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, t('reconcile.question')),
          h('p', { class: 'muted' }, t('reconcile.about')),
        ),
        button,
      ),
      jobs.parts,
      problem,
    ),
    show: jobs.show,
    hide: jobs.hide,
  };
}

/** What was compared, and what was found so far. */
function numbers(r, going) {
  const parts = [beganText(r)];
  if (going && r.done > 0)
    parts.push(r.total > 0 ? t('reconcile.progress', { done: r.done, n: r.total }) : numberText(r.done));
  if (r.media > 0) parts.push(t('common.mediaFiles', { n: r.media }));
  if (r.objects > 0) parts.push(t('reconcile.objects', { n: r.objects }));
  if (going && r.missing > 0) parts.push(t('reconcile.missing', { n: r.missing }));
  if (going && r.otherSize > 0) parts.push(t('reconcile.otherSize', { n: r.otherSize }));
  if (going && r.unnamed > 0) parts.push(t('reconcile.unnamed', { n: r.unnamed }));
  if (r.deleted > 0) parts.push(t('deletions.deleted', { n: r.deleted }));
  return parts;
}
