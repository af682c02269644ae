// Everything that is known about a recording, also what this service does not know the meaning of.

import { h } from './dom.js';
import { moment, parseTime, span } from './time.js';
import { text } from './summary.js';

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
    { class: 'card', 'aria-label': 'Details' },
    h('h2', {}, 'Details'),
    facts([
      ['Id', recording.id],
      ['Region', recording.region],
      ['Changed', recording.changedTime && moment(parseTime(recording.changedTime))],
      ...others(recording, ofRecording),
    ]),
    layout.files.map((file) =>
      h(
        'details',
        { class: 'file-details', open: layout.files.length < 3 },
        h(
          'summary',
          {},
          layout.files.length > 1 ? `File ${file.index + 1}` : 'Media file',
          h('span', { class: 'muted' }, ` · ${span(file.stop - file.start)}${size(file.media.size)}`),
        ),
        facts([
          ['mediaId', file.media.mediaId],
          ['type', file.media.type],
          ['from', moment(file.start)],
          ['to', moment(file.stop)],
          ['duration', file.media.duration],
          [
            'pauses',
            file.pauses.map(([a, b]) => `${span(a - layout.origin)} – ${span(b - layout.origin)}`).join(', '),
          ],
          ['encrypted', file.encrypted ? 'PKCS #7' : ''],
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
  if (n < 1e6) return ` · ${Math.max(1, Math.round(n / 1e3))} kB`;
  return ` · ${(n / 1e6).toFixed(1)} MB`;
}
