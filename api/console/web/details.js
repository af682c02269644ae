// Everything that is known about a recording, also what this service does not know the meaning of.

import { h } from './dom.js';
import { moment, parseTime, span } from './time.js';
import { text } from './summary.js';
import { sizeText, t } from './texts.js';

const ofRecording = new Set([
  'id',
  'callerPhoneNumber',
  'dialedPhoneNumber',
  'startTime',
  'stopTime',
  'mediaFiles',
  'eventHistory',
  'region',
  'changedTime',
  'nonDelete',
  'labels',
  'comments',
]);
const ofMedia = new Set([
  'mediaUri',
  'originalMediaDescriptor',
  'startTime',
  'stopTime',
  'size',
  'duration',
  'masks',
  'pkcs7',
  'mediaId',
  'type',
]);

/** The facts about a recording; operations also see where its media lie. */
export function details(recording, layout, ops) {
  return h(
    'section',
    { class: 'card', 'aria-label': t('details.title') },
    h('h2', {}, t('details.title')),
    facts([
      [t('details.id'), recording.id],
      [t('details.region'), recording.region],
      [t('details.changed'), recording.changedTime && moment(parseTime(recording.changedTime))],
      ...others(recording, ofRecording),
    ]),
    layout.files.map((file) =>
      h(
        'details',
        { class: 'file-details', open: layout.files.length < 3 },
        h(
          'summary',
          {},
          layout.files.length > 1 ? t('common.file', { number: file.index + 1 }) : t('details.file'),
          h('span', { class: 'muted' }, ` · ${span(file.stop - file.start)}${size(file.media.size)}`),
        ),
        facts([
          [t('details.mediaId'), file.media.mediaId],
          [t('details.type'), file.media.type],
          [t('details.from'), moment(file.start)],
          [t('details.to'), moment(file.stop)],
          [t('details.duration'), file.media.duration],
          [
            t('details.pauses'),
            file.pauses.map(([a, b]) => `${span(a - layout.origin)} – ${span(b - layout.origin)}`).join(', '),
          ],
          [t('details.encrypted'), file.encrypted ? 'PKCS #7' : ''],
          ...others(file.media, ofMedia),
        ]),
        ops &&
          file.media.originalMediaDescriptor && [
            h('h3', {}, 'originalMediaDescriptor'),
            facts(Object.entries(file.media.originalMediaDescriptor)),
          ],
      ),
    ),
  );
}

const others = (object, known) => Object.entries(object).filter(([name]) => !known.has(name));

/** A list of names and values; what is empty is left out. */
export function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs
      .map(([name, value]) => [name, Array.isArray(value) ? value.map(text).join(', ') : text(value ?? '')])
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [h('dt', {}, h('bdi', {}, name)), h('dd', {}, h('bdi', {}, value))]),
  );
}

function size(bytes) {
  const n = Number(bytes);
  if (!bytes || !Number.isFinite(n)) return '';
  return ` · ${sizeText(n)}`;
}
