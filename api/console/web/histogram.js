// The histogram above the results: how many of the calls found began when, in the viewer's zone. Its
// numbers are the API's, which counts all that match. A part of it that is chosen, by the pointer or by
// keys, narrows the search.

import { h, fill, icon, announce } from './dom.js';
import { ask, base } from './api.js';
import { criteriaOf, rangeOf, remember, remembered } from './state.js';
import { currentZone } from './time.js';
import {
  atEnd,
  barsOf,
  chosen,
  countText,
  intervalFor,
  isFiner,
  labelsOf,
  moved,
  narrowed,
  spansOf,
  spanText,
  sumOf,
} from './buckets.js';
import { numberText, t } from './texts.js';

const leastBar = 5.5; // pixels, with the gap beside it
const mostBar = 64;
const labelRoom = 60; // pixels
const SVG = 'http://www.w3.org/2000/svg';

/**
 * Builds the histogram in an element. narrow searches for less, total is told how many calls there are,
 * uncounted that they could not be counted; leave is called by Escape where nothing is chosen, again asks
 * once more.
 */
export function histogram(element, { narrow, total, uncounted, leave, again }) {
  let search = null; // what is drawn, the search and its bars
  let bars = { interval: 'day', spans: [] };
  let keys = atEnd(0);
  let hover = -1; // the bar under the pointer
  let dragging = false;

  const title = h('b', {});
  const told = h('span', { class: 'chart-told' });
  const wider = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      hidden: true,
      onclick: () => narrow({ ...search, period: '', from: NaN, to: NaN }),
    },
    t('period.any'),
  );
  const toggle = h(
    'button',
    { type: 'button', class: 'quiet', onclick: () => showAs(table.hidden ? 'table' : '') },
    icon('table'),
    h('span', {}, t('chart.table')),
  );

  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  const band = rect('band');
  const most = h('span', { class: 'chart-most', 'aria-hidden': 'true' });
  const plot = h('div', {
    class: 'chart-plot',
    role: 'slider',
    tabindex: 0,
    'aria-orientation': 'horizontal',
    'aria-valuemin': 1,
    'aria-describedby': 'chart-keys',
  });
  plot.append(svg, most);
  const axis = h('div', { class: 'chart-axis', 'aria-hidden': 'true' });
  const help = h(
    'p',
    { id: 'chart-keys', hidden: true },
    t('chart.keys'),
  );
  const picture = h('div', { class: 'chart-picture' }, plot, axis, help);
  const table = h('div', { class: 'chart-table', hidden: true });
  const problem = h('div', { class: 'chart-problem', hidden: true });
  const head = h('div', { class: 'chart-head' }, title, told, wider, toggle);

  const isBusy = () => element.getAttribute('aria-busy') === 'true';
  const count = () => bars.spans.length;

  // What is chosen, and what is told of it.

  const textOf = ({ from, until, count: n }) =>
    t('chart.bar', { time: spanText(bars.interval, from, until), calls: countText(n) });

  /** Shows what is chosen, what the pointer or the keys are at, or what there is at all. */
  const tell = () => {
    const keyed = plot.matches(':focus-visible');
    const some = keys.anchor >= 0 ? chosen(keys) : hover >= 0 ? [hover, hover] : keyed ? chosen(keys) : null;
    const all = sumOf(bars.spans, [0, count() - 1]);
    told.textContent = some ? textOf(sumOf(bars.spans, some)) : spanText(bars.interval, all.from, all.until);
    element.classList.toggle('choosing', keys.anchor >= 0);

    band.setAttribute('visibility', some ? 'visible' : 'hidden');
    if (some) {
      band.setAttribute('x', `${(100 * some[0]) / count()}%`);
      band.setAttribute('width', `${(100 * (some[1] - some[0] + 1)) / count()}%`);
    }
    [...svg.children].slice(1).forEach((bar, i) => {
      bar.classList.toggle('chosen', Boolean(some) && i >= some[0] && i <= some[1]);
    });

    const said = textOf(sumOf(bars.spans, chosen(keys)));
    plot.setAttribute('aria-valuenow', keys.cursor + 1);
    plot.setAttribute('aria-valuetext', keys.anchor >= 0 ? t('chart.chosen', { bars: said }) : said);
  };

  const choose = (next) => {
    keys = next;
    tell();
  };
  const clear = () => choose({ ...keys, anchor: -1 });

  /** Narrows the search to what is chosen. Where there are no calls it stays as it is. */
  const narrowTo = (some) => {
    const span = sumOf(bars.spans, some);
    const less = narrowed(search, rangeOf(search), span);
    clear();
    if (span.count === 0) announce(t('chart.empty'));
    else if (less) narrow(less);
  };

  // The pointer.

  const barAt = (event) => {
    const { left, width } = svg.getBoundingClientRect();
    return Math.max(0, Math.min(count() - 1, Math.floor(((event.clientX - left) / width) * count())));
  };
  plot.addEventListener('pointerdown', (event) => {
    if (isBusy() || event.button !== 0 || !event.isPrimary) return;
    plot.setPointerCapture(event.pointerId);
    dragging = true;
    choose({ cursor: barAt(event), anchor: barAt(event) });
  });
  plot.addEventListener('pointermove', (event) => {
    if (isBusy()) return;
    hover = event.pointerType === 'touch' ? -1 : barAt(event);
    if (dragging) keys = { ...keys, cursor: barAt(event) };
    tell();
  });
  plot.addEventListener('pointerup', () => {
    if (!dragging) return;
    dragging = false;
    if (!isBusy()) narrowTo(chosen(keys));
  });
  plot.addEventListener('pointercancel', () => {
    dragging = false;
    clear();
  });
  plot.addEventListener('pointerleave', () => {
    hover = -1;
    if (!dragging) tell();
  });

  // The keys.

  plot.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isBusy()) return;
    const next = moved(keys, event.key, event.shiftKey, count());
    if (next) {
      hover = -1;
      choose(next);
    } else if (event.key === 'Enter') narrowTo(chosen(keys));
    else if (event.key !== 'Escape') return;
    else if (keys.anchor < 0) leave();
    else {
      dragging = false;
      clear();
    }
    event.preventDefault();
  });
  plot.addEventListener('focus', () => count() && tell());
  plot.addEventListener('blur', () => count() && !dragging && clear());

  // The picture, and the table.

  /** Draws the bars; those that are there take their new height. */
  const drawBars = () => {
    const { spans } = bars;
    const greatest = Math.max(...spans.map((s) => s.count));
    if (svg.children.length !== spans.length + 1) svg.replaceChildren(band, ...spans.map(() => rect('bar')));
    [...svg.children].slice(1).forEach((bar, i) => {
      const tall = (100 * spans[i].count) / greatest;
      bar.setAttribute('x', `${(100 * (i + 0.08)) / spans.length}%`);
      bar.setAttribute('width', `${84 / spans.length}%`);
      // Any call at all is to be seen: 2 pixels at least.
      bar.style.height = tall ? `max(2px, ${tall}%)` : '0px';
      bar.style.y = tall ? `min(100% - 2px, ${100 - tall}%)` : '100%';
    });
    most.textContent = numberText(greatest);
    picture.style.maxWidth = `${spans.length * mostBar}px`;
    plot.setAttribute('aria-label', t(`chart.calls_${bars.interval}`));
    plot.setAttribute('aria-valuemax', spans.length);
    drawAxis();
  };

  const drawAxis = () => {
    const width = picture.clientWidth;
    if (!width || count() === 0) return;
    const bar = width / count();
    const room = element.clientWidth - width > labelRoom ? Infinity : width;
    fill(
      axis,
      labelsOf(bars, labelRoom / bar)
        .filter(({ index }) => index === 0 || index * bar + labelRoom * 0.8 < room)
        .map(({ index, text }) => {
          const label = h('span', {}, text);
          label.style.left = `${(100 * index) / count()}%`;
          return label;
        }),
    );
  };

  const drawTable = () => {
    const focused = table.contains(document.activeElement);
    const row = (span, i) =>
      h(
        'tr',
        {},
        h(
          'th',
          { scope: 'row' },
          span.count === 0
            ? spanText(bars.interval, span.from, span.until)
            : h(
                'button',
                { type: 'button', title: t('chart.narrow'), onclick: () => isBusy() || narrowTo([i, i]) },
                spanText(bars.interval, span.from, span.until),
              ),
        ),
        h('td', {}, numberText(span.count)),
      );
    const column = (words) => h('th', { scope: 'col' }, words);
    fill(
      table,
      h(
        'table',
        {},
        h('caption', { class: 'sr' }, t(`chart.calls_${bars.interval}`)),
        h('thead', {}, h('tr', {}, column(t(`chart.${bars.interval}`)), column(t('chart.count')))),
        h('tbody', {}, bars.spans.map(row)),
      ),
    );
    if (focused) table.querySelector('button')?.focus();
  };

  const showAs = (how) => {
    remember('chart', how);
    table.hidden = how !== 'table';
    picture.hidden = !table.hidden;
    toggle.setAttribute('aria-pressed', String(!table.hidden));
    if (count() > 0) paint();
  };

  const paint = () => {
    if (table.hidden) drawBars();
    else drawTable();
    tell();
  };

  /** Puts all of it into the document, once there is something to be seen. */
  const appear = () => {
    if (!head.isConnected) fill(element, head, picture, table, problem);
  };

  const take = (answer, room) => {
    bars = barsOf(answer, room);
    keys = atEnd(count());
    [hover, dragging] = [-1, false];
    title.textContent = t(`chart.by_${bars.interval}`);
    wider.hidden = search.period === '';
    problem.hidden = true;
    element.classList.remove('failed');
    appear();
    paint();
  };

  const fail = (error) => {
    const tooFar = error.status === 400 && error.message.startsWith('interval '); // of 1000 months at most
    fill(
      problem,
      tooFar ? t('chart.tooFar') : error.message,
      !tooFar && h('button', { type: 'button', onclick: again }, t('common.tryAgain')),
    );
    problem.hidden = false;
    element.classList.add('failed');
    appear();
    uncounted();
  };

  new ResizeObserver(drawAxis).observe(element);
  showAs(remembered('chart'));

  /** Asks for the calls of a search, and draws them; an error is told in place of the picture. */
  const draw = async (what, known, signal) => {
    const room = Math.max(24, Math.floor(((element.clientWidth || innerWidth) - 40) / leastBar));
    try {
      const answer = await counted(what, known, room, signal);
      if (signal.aborted) return;
      search = what;
      total(what, answer.total);
      if (answer.buckets.length > 0) take(answer, room);
    } catch (error) {
      if (signal.aborted) return;
      fail(error);
    }
    element.setAttribute('aria-busy', 'false');
  };
  return { draw };
}

function rect(kind) {
  const element = document.createElementNS(SVG, 'rect');
  element.setAttribute('class', kind);
  return element;
}

/**
 * How many of the calls of a search began when, by the shortest interval that has at most so many bars.
 * As long as it is not known when the calls began, longer ones say so.
 */
async function counted(search, { first, last }, most, signal) {
  const [from] = rangeOf(search);
  let begin = Number.isFinite(first) ? first : from;
  let interval = Number.isFinite(begin) ? intervalFor(begin, last, most) : 'month';
  for (;;) {
    const query = new URLSearchParams({ ...Object.fromEntries(criteriaOf(search)), interval, zone: currentZone() });
    const { histogram: answer } = await ask(`${base()}/recordings/histogram?${query}`, { signal });
    if (answer.buckets.length === 0) return answer;

    const spans = spansOf(answer);
    begin = Math.max(spans[0].from, Number.isFinite(from) ? from : -Infinity);
    const { until } = spans.at(-1);
    const end = Number.isFinite(last) ? Math.min(until, Math.max(last, begin) + 1) : until;
    const finer = intervalFor(begin, end, most);
    if (!isFiner(finer, interval)) return answer;
    interval = finer;
  }
}
