// Comparing the recordings with what the storages of media have.

import { h } from './dom.js';
import { base, send } from './api.js';
import { count, jobList } from './jobs.js';
import { moment, parseTime } from './time.js';

const words = {
  waiting: 'Waiting for its turn.',
  paused: 'Paused.',
  'reading recordings': 'Reading which media the recordings name.',
  'listing objects': 'Listing what the storages have.',
  comparing: 'Comparing the two.',
  'deleting unnamed objects': 'Deleting what no recording names.',
};

/** The card of reconciliations. */
export function reconcileCard() {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const path = () => `${base()}/reconciliations`;
  const jobs = jobList({
    name: 'Reconciliation',
    path,
    all: (answer) => answer.reconciliations,
    nothing: 'Nothing was compared yet.',
    words: (r) => words[r.phase] ?? r.phase,
    part: (r) => [r.done, r.total],
    numbers,
  });

  const button = h('button', { type: 'button' }, 'Compare');
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
      { class: 'card', 'aria-label': 'Reconciliation' },
      h(
        'div',
        { class: 'card-head' },
        h(
          'div',
          {},
          h('h2', {}, 'Is the media there?'),
          h(
            'p',
            { class: 'muted' },
            'What the storages lack, and what no call names. Nothing is deleted.',
          ),
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
  const parts = [`by ${r.cause}, ${moment(parseTime(r.created))}`];
  if (going && r.done > 0)
    parts.push(r.total > 0 ? `${r.done.toLocaleString()} of ${r.total.toLocaleString()}` : r.done.toLocaleString());
  if (r.media > 0) parts.push(count(r.media, 'media file', 'media files'));
  if (r.objects > 0) parts.push(count(r.objects, 'object', 'objects'));
  if (going && r.missing > 0) parts.push(`${r.missing.toLocaleString()} missing`);
  if (going && r.otherSize > 0) parts.push(`${r.otherSize.toLocaleString()} of another size`);
  if (going && r.unnamed > 0) parts.push(`${r.unnamed.toLocaleString()} named by no call`);
  if (r.deleted > 0) parts.push(`${r.deleted.toLocaleString()} deleted`);
  return parts;
}
