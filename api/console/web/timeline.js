// One call on one time axis: a ruler, the waveforms of its media files, who was there, and what was
// attached.

import { h, icon } from './dom.js';
import { ticks } from './axis.js';
import { draw } from './waveform.js';
import { end } from './sound.js';
import { seekStep } from './player.js';
import { dataOf } from './summary.js';
import { clock, span, spokenSpan } from './time.js';
import { t } from './texts.js';

/** The label of a row of files: where one has two channels, which line is which. */
function channelLabel(text, files, player, signal) {
  const label = h('span', {}, text);
  const show = () => {
    if (!files.some((f) => f.peaks?.length === 2)) return;
    label.className = 'channels';
    const [left, right] = [t('timeline.leftChannel'), t('timeline.rightChannel')];
    label.replaceChildren(...[left, text, right].map((words) => h('span', {}, words)));
  };
  player.addEventListener('drawn', show, { signal });
  show();
  return label;
}

/** The timeline of a laid out call, for a player. */
export function timeline(layout, player) {
  const { percent, origin } = layout;
  const ended = new AbortController();
  const drawings = [];
  const played = [];

  const put = (element, from, to = NaN) => {
    element.style.left = `${percent(from)}%`;
    if (Number.isFinite(to)) element.style.width = `${Math.max(percent(to) - percent(from), 0.15)}%`;
    return element;
  };
  const within = (file, element, from, to) => {
    element.style.left = `${(100 * (from - file.start)) / (file.stop - file.start)}%`;
    element.style.width = `${(100 * (to - from)) / (file.stop - file.start)}%`;
    return element;
  };
  const row = (kind, label, track) =>
    h('div', { class: `tl-row ${kind}` }, h('div', { class: 'tl-label' }, label), track);

  const ruler = h('div', { class: 'tl-track', 'aria-hidden': 'true' });
  const showTicks = () => {
    const width = ruler.clientWidth || 540;
    const behind = (at) => (width * (100 - layout.percent(at))) / 100; // pixels up to the end of the axis
    ruler.replaceChildren(
      ...ticks(layout, Math.max(3, Math.floor(width / 90))).map((at) =>
        put(h('span', { class: behind(at) < 45 ? 'tick ends' : 'tick' }, span(at - origin)), at),
      ),
    );
  };

  const block = (file) => {
    const canvas = h('canvas', { class: 'wave' }),
      canvasPlayed = h('canvas', { class: 'wave' });
    const over = h('div', { class: 'wave-played' }, canvasPlayed);
    const words = h('p', { class: 'wave-words' });
    const element = put(
      h('div', { class: 'file', 'data-file': file.index }, canvas, over, words),
      file.start,
      file.stop,
    );
    for (const [a, b] of file.pauses) {
      const pause = h(
        'div',
        { class: 'pause', title: t('timeline.pausedAbout', { from: span(a - origin), to: span(b - origin) }) },
        h('span', {}, t('timeline.paused')),
      );
      element.append(within(file, pause, a, b));
    }
    if (file.missing > 0) {
      const gap = { from: span(end(file) - origin), to: span(file.stop - origin) };
      const title = t('timeline.absentAbout', gap);
      const absent = h('div', { class: 'absent', title }, h('span', {}, t('timeline.absent')));
      element.append(within(file, absent, end(file), file.stop));
    }
    played.push((position) => {
      const share = Math.max(0, Math.min(1, (position - file.start) / Math.max(1, file.stop - file.start)));
      over.style.clipPath = `inset(0 ${100 - 100 * share}% 0 0)`;
      over.hidden = player.preferred && player.current !== file && layout.tracks.length > 1;
    });
    const problem = () => {
      element.classList.toggle('silent', Boolean(file.problem));
      if (file.problem)
        words.replaceChildren(
          icon(file.encrypted ? 'lock' : 'muted'),
          t(file.encrypted ? 'sound.encryptedShort' : file.lacking ? 'sound.missingShort' : 'sound.unplayableShort'),
        );
      else words.textContent = file.undrawn ?? '';
    };
    player.addEventListener('change', problem, { signal: ended.signal });
    player.addEventListener('drawn', problem, { signal: ended.signal });
    problem();
    const sketch = () => {
      if (!file.peaks) return;
      draw(canvas, file);
      draw(canvasPlayed, file);
    };
    drawings.push(sketch);
    player.addEventListener('drawn', sketch, { signal: ended.signal });
    return element;
  };

  const tracks = layout.tracks.map((files, i) =>
    row(
      'media',
      channelLabel(i === 0 ? t('timeline.recording') : '', files, player, ended.signal),
      h('div', { class: 'tl-track' }, files.map(block)),
    ),
  );

  const lanes = layout.lanes.map((lane) =>
    row(
      'lane',
      [
        icon(lane.contact.type === 'User' ? 'agent' : 'phone'),
        h('bdi', { title: lane.contact.userName || lane.contact.phoneNumber }, lane.name),
      ],
      h(
        'div',
        { class: 'tl-track' },
        lane.spans.map(([a, b]) =>
          put(
            h(
              'div',
              {
                class: `stay ${lane.contact.type === 'User' ? 'agent' : 'external'}`,
                title: t('timeline.stay', { name: lane.name, from: span(a - origin), to: span(b - origin) }),
              },
              h(
                'span',
                { class: 'sr' },
                t('timeline.staySpoken', {
                  name: lane.name,
                  from: spokenSpan(a - origin),
                  to: spokenSpan(b - origin),
                }),
              ),
            ),
            a,
            b,
          ),
        ),
      ),
    ),
  );

  const marks =
    layout.data.length > 0 &&
    row(
      'lane',
      t('criteria.userData'),
      h(
        'div',
        { class: 'tl-track' },
        layout.data.map((event) => {
          const what = dataOf(event)
            .map(([name, value, change]) => t(change ? `change.${change}_data` : 'change.data', { name, value }))
            .join(', ')
            .slice(0, 300);
          return put(
            h('button', {
              type: 'button',
              class: 'mark-data',
              title: what,
              'aria-label': t('timeline.data', { time: spokenSpan(event.at - origin), what }),
              onclick: () => player.seek(event.at),
            }),
            event.at,
          );
        }),
      ),
    );

  const head = h('div', { class: 'playhead' });
  const hover = h('div', { class: 'hover', hidden: true }, h('span', {}));
  const slider = h(
    'div',
    {
      class: 'tl-slider',
      role: 'slider',
      tabindex: 0,
      'aria-label': t('timeline.position'),
      'aria-valuemin': Math.round((layout.from - origin) / 1000),
      'aria-valuemax': Math.round((layout.to - origin) / 1000),
      'aria-orientation': 'horizontal',
    },
    hover,
  );
  const over = h('div', { class: 'tl-over', 'aria-hidden': 'true' }, head);
  const media = h('div', { class: 'tl-media' }, tracks, slider);
  const element = h('div', { class: 'timeline' }, row('ruler', '', ruler), media, lanes, marks, over);

  const positionOf = (event) => {
    const box = slider.getBoundingClientRect();
    return (
      layout.from + Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * (layout.to - layout.from)
    );
  };
  const fileUnder = (event) => {
    if (layout.tracks.length < 2) return null;
    const under = document
      .elementsFromPoint(event.clientX, event.clientY)
      .find((x) => x.classList.contains('file'));
    return under ? layout.files[Number(under.dataset.file)] : null;
  };
  slider.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    slider.setPointerCapture(event.pointerId);
    player.seek(positionOf(event), fileUnder(event));
  });
  slider.addEventListener('pointermove', (event) => {
    const at = positionOf(event);
    hover.hidden = false;
    hover.style.left = `${percent(at)}%`;
    hover.firstChild.textContent = `${span(at - origin)} · ${clock(at)}`;
    if (slider.hasPointerCapture(event.pointerId)) player.seek(at);
  });
  slider.addEventListener('pointerleave', () => {
    hover.hidden = true;
  });
  slider.addEventListener('keydown', (event) => {
    const to = {
      Home: layout.from,
      End: layout.to,
      PageUp: player.position + seekStep(true),
      PageDown: player.position - seekStep(true),
      ArrowUp: player.position + seekStep(event.shiftKey),
      ArrowDown: player.position - seekStep(event.shiftKey),
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    player.seek(to);
  });

  const showTime = () => {
    head.style.left = `${percent(player.position)}%`;
    for (const f of played) f(player.position);
    slider.setAttribute('aria-valuenow', Math.round((player.position - origin) / 1000));
    slider.setAttribute('aria-valuetext', spokenSpan(player.position - origin));
  };
  player.addEventListener('time', showTime, { signal: ended.signal });
  player.addEventListener('change', showTime, { signal: ended.signal });
  const redraw = () => {
    showTicks();
    for (const d of drawings) d();
  };
  const sized = new ResizeObserver(redraw);
  sized.observe(element);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw, { signal: ended.signal });
  showTime();

  return {
    element,
    redraw,
    slider,
    /** Adds another row, below all others. */
    add: (another) => over.before(another),
    close: () => {
      ended.abort();
      sized.disconnect();
    },
  };
}
