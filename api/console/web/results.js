// The results of a search, without an end: of thousands of rows only those in sight are in the
// document.

import { h, fill, icon, announce } from './dom.js';
import { ask, base, localPath, serverNow } from './api.js';
import { isAboutCenter, noticeText } from './advice.js';
import { marked, wantedOf } from './matched.js';
import { emptySearch, orders, queryOf } from './state.js';
import { headOf, isExtra, isStandard, keyOf, templateOf } from './columns.js';
import { selection } from './selecting.js';
import { summary } from './summary.js';
import { clock, dayText, shortDay, span, spokenSpan, offsetText, otherOffset, zoneText } from './time.js';
import { t } from './texts.js';

const firstPage = 50;
const overscan = 8; // rows above and below those in sight

/**
 * The results. open is called with the id of a recording, refused with the error of a search that
 * the API did not take, told with how many calls there are, reorder with the name of the order that is
 * wanted. columns are the names of the first columns (columns.js). tools are the elements at the end of the bar,
 * many are those for the selected calls, whose ids they get by a function. picture is the histogram (chart.js), which
 * counts all; count is what does so where it could not.
 */
export function resultList(given) {
  const { open, addressOf, refused, told, tools, count, many, empty, reorder, picture } = given;
  let columns = given.columns;
  let rows = [];
  let next = ''; // the path of the next page
  let loading = null; // the AbortController of the request under way
  let shown = new Map();
  let active = 0; // the row that Tab reaches
  let rowHeight = 44;
  let current = null; // the search
  let total = NaN;
  let explaining = null; // the AbortController of what is asked about an empty result
  let since = NaN; // when it was asked for them, by the clock of the service
  let wanted = wantedOf(emptySearch()); // what is marked in the rows
  let dimmed = false; // what is typed has gone on from the search, and is none itself
  let broken = false; // the next page did not come: it is asked for again when somebody wants it

  const status = h('p', { class: 'result-status', 'aria-live': 'polite' });
  const bar = h('div', { class: 'progress-line', hidden: true });
  const timeHead = h('span', { role: 'columnheader' });
  const heads = h('div', { class: 'grid-row head', role: 'row', 'aria-rowindex': 1 });
  const head = h('div', { class: 'grid-head', role: 'rowgroup' }, heads);
  const dayHead = h('div', { class: 'day-head', 'aria-hidden': 'true' }); // each row says its own
  const body = h('div', { class: 'grid-body', role: 'rowgroup' });
  const probe = h('div', { class: 'row-probe', 'aria-hidden': 'true' });
  const grid = h(
    'div',
    {
      class: 'grid',
      role: 'grid',
      'aria-label': t('results.grid'),
      'aria-multiselectable': 'true',
    },
    head,
    dayHead,
    body,
  );
  const note = h('div', { class: 'note', hidden: true });
  const order = h(
    'select',
    { class: 'order', 'aria-label': t('results.order'), onchange: () => reorder(order.value) },
    orders.map((value) => h('option', { value }, t(value ? 'results.oldestFirst' : 'results.newestFirst'))),
  );
  const toolRow = h('div', { class: 'row tools', hidden: true }, order, count, tools);
  const picked = selection(() => showPicked());
  const pickedCount = h('b', { role: 'status' });
  const pickedRow = h(
    'div',
    { class: 'row picked', hidden: true },
    pickedCount,
    many(() => picked.all()),
    h('button', { type: 'button', class: 'quiet', onclick: () => unpick() }, t('results.unpick')),
  );
  const notices = h('div', { class: 'notices', role: 'status' });
  const newer = h('div', { class: 'newer', role: 'status' });
  const foot = h('p', { class: 'grid-foot', hidden: true });

  const element = h(
    'section',
    { class: 'results', 'aria-label': t('results.title') },
    h('div', { class: 'result-bar' }, status, toolRow, bar),
    pickedRow,
    notices,
    newer,
    picture.element,
    grid,
    note,
    foot,
    probe,
  );

  /** Lays the columns out. Where they are not the usual ones, those of data stand in a line of their own in cards. */
  const layOut = () => {
    const chosen = !isStandard(columns);
    const headed = (name) => h('span', { class: name, role: 'columnheader' }, headOf(name));
    fill(heads, timeHead, columns.slice(1).map(headed));
    grid.setAttribute('aria-colcount', columns.length);
    grid.style.setProperty('--columns', templateOf(columns));
    grid.classList.toggle('chosen', chosen);
    element.classList.toggle('extra', chosen && columns.some(isExtra));
  };

  const cell = (name, ...children) =>
    h('span', { class: `cell ${name}`, role: 'gridcell', 'data-column': name }, children);
  const bidi = (text, pieces) => h('bdi', {}, marked(text, pieces));
  /** What is cut off is the end of a list of names, in whatever direction it is read. */
  const agentsCell = (names) => {
    const made = cell('agents', names);
    made.dir = 'auto';
    return made;
  };
  const labelTags = (r) => r.labels.map((name) => h('bdi', { class: 'label-tag' }, name));

  /** The cell of a column, but of the time. */
  const cellOf = (name, r) => {
    if (keyOf(name)) return keyCell(name, r.under[name]);
    switch (name) {
      case 'duration':
        return cell(name, span(r.stop - r.start));
      case 'agents':
        return agentsCell(marked(r.agents, wanted.agents));
      case 'type':
        return cell(name, bidi(r.type, wanted.type));
      case 'labels':
        return cell(name, labelTags(r));
      case 'data': {
        const pieces = [...wanted.comments, ...wanted.data];
        return cell(name, !columns.includes('labels') && labelTags(r), bidi(r.data, pieces));
      }
      case 'media':
        return cell(name, mediaText(r));
      default: // a number
        return cell(name, bidi(r[name], wanted[name]));
    }
  };

  /** The values under a key; in cards, with the key. */
  const keyCell = (name, values) => {
    const made = cell('key', values && bidi(values, wanted.key(keyOf(name))));
    made.dataset.column = name;
    made.dataset.key = keyOf(name);
    return made;
  };

  const cellsOf = (r) => {
    const [names, cells] = [columns.slice(1), []];
    if (isStandard(columns)) return names.map((name) => cellOf(name, r));
    const extras = h('span', { class: 'extras' }, names.filter(isExtra).map((name) => cellOf(name, r)));
    const at = names.findIndex(isExtra);
    for (const [i, name] of names.entries()) {
      if (i === at) cells.push(extras);
      if (!isExtra(name)) cells.push(cellOf(name, r));
    }
    return cells;
  };

  const rowOf = (i) => {
    const r = rows[i];
    const offset = otherOffset(r.start);
    const when = [shortDay(r.start), clock(r.start), offset].filter(Boolean).join(' ');
    const places = { time: when, length: spokenSpan(r.stop - r.start), caller: r.caller, dialed: r.dialed };
    const said = r.agents ? t('results.rowWith', { ...places, agents: r.agents }) : t('results.row', places);
    const link = h(
      'a',
      {
        class: 'row-link',
        tabindex: i === active ? 0 : -1,
        draggable: 'false',
        href: addressOf(r.id),
        'aria-label': said,
        onclick: (event) => {
          if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            activate(i);
            open(r.id);
          }
        },
        onfocus: () => activate(i),
      },
      h('span', { class: 'day' }, shortDay(r.start)),
      ' ',
      h('span', { class: 'clock' }, clock(r.start)),
      offset && h('span', { class: 'offset' }, ` ${offset}`),
    );
    const box = h('input', {
      type: 'checkbox',
      class: 'pick',
      tabindex: -1, // Space on the row does the same
      'aria-label': t('results.pick', { time: when }),
      onclick: (event) => {
        activate(i);
        picked.set(rows, i, box.checked, event.shiftKey);
      },
    });
    box.checked = picked.has(r.id);
    const begins = i > 0 && shortDay(rows[i - 1].start) !== shortDay(r.start); // another day
    const row = h(
      'div',
      {
        class: begins ? 'grid-row begins-day' : 'grid-row',
        role: 'row',
        'aria-rowindex': i + 2,
        'aria-selected': String(box.checked),
      },
      cell('time', h('label', { class: 'pick-area' }, box), link),
      cellsOf(r),
    );
    row.link = link;
    row.box = box;
    row.style.transform = `translateY(${i * rowHeight}px)`;
    row.dataset.index = String(i);
    return row;
  };

  /** Shows which rows are selected. */
  const showPicked = () => {
    for (const [i, row] of shown) {
      row.box.checked = picked.has(rows[i].id);
      row.setAttribute('aria-selected', String(row.box.checked));
    }
    const n = picked.all().length;
    pickedRow.hidden = n === 0;
    pickedCount.textContent = n === 0 ? '' : t('results.picked', { n });
    standBelow();
  };

  /** Has what stays in sight stand below the tools of the selected calls, which have a scroll bar in narrow windows. */
  const standBelow = () => element.style.setProperty('--picked', `${pickedRow.offsetHeight}px`);

  const unpick = () => {
    picked.clear();
    focusRow(active);
  };

  const tag = (name, words, title = words) =>
    h('span', { class: 'tag', title }, icon(name), h('span', { class: 'sr' }, words));

  const mediaText = (r) => [
    h('span', {}, t('results.files', { n: r.files })),
    r.comments > 0 && tag('comment', t('results.comments', { n: r.comments })),
    r.held && tag('hold', t('results.held')),
    r.masked && tag('pause', t('results.paused'), t('results.pausedAbout')),
    r.encrypted && tag('lock', t('results.encrypted')),
  ];

  const activate = (i) => {
    if (i === active) return;
    shown.get(active)?.link.setAttribute('tabindex', '-1');
    active = i;
    shown.get(i)?.link.setAttribute('tabindex', '0');
  };

  /** Puts the rows in sight into the document, and takes the others out; one that has the focus stays. */
  const render = () => {
    if (element.closest('[hidden]') || rows.length === 0) return;
    const top = body.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(-top / rowHeight) - overscan);
    const to = Math.min(rows.length, Math.ceil((innerHeight - top) / rowHeight) + overscan);
    showDay(top);
    for (const [i, row] of shown) {
      if ((i < from || i >= to) && i !== active) {
        row.remove();
        shown.delete(i);
      }
    }
    const added = document.createDocumentFragment();
    for (const i of [active, ...Array.from({ length: Math.max(0, to - from) }, (_, n) => from + n)]) {
      if (i < rows.length && !shown.has(i)) {
        const row = rowOf(i);
        shown.set(i, row);
        added.append(row);
      }
    }
    body.append(added);
    if (to > rows.length - 40 && !broken) more();
  };

  /** Names the day of the row that is the first in sight; top is where the first of all would be. */
  const showDay = (top) => {
    const first = Math.floor((dayHead.getBoundingClientRect().bottom - top + 1) / rowHeight);
    const day = dayText(rows[Math.max(0, Math.min(rows.length - 1, first))].start);
    if (dayHead.textContent !== day) dayHead.textContent = day;
  };

  let frame = 0;
  const renderSoon = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      render();
    });
  };
  const measure = () => {
    const height = probe.offsetHeight;
    if (height && height !== rowHeight) {
      rowHeight = height;
      redraw();
    }
  };
  addEventListener('scroll', renderSoon, { passive: true });
  addEventListener('resize', () => {
    standBelow();
    measure();
    renderSoon();
  });

  let looked = 0; // how many rows were asked for their offset
  let mixed = false; // some have another than today's, which they show then

  /** Names the zone where some rows have another offset. */
  const showZone = () => {
    for (; looked < rows.length && !mixed; looked++) mixed = Boolean(otherOffset(rows[looked].start));
    grid.classList.toggle('mixed', mixed);
    timeHead.textContent = t('results.time', { zone: mixed ? zoneText() : offsetText() });
  };

  const redraw = () => {
    const focused = body.contains(document.activeElement) ? active : -1;
    body.replaceChildren();
    shown = new Map();
    [looked, mixed] = [0, false];
    rowHeight = probe.offsetHeight || rowHeight;
    body.style.height = `${rows.length * rowHeight}px`;
    showZone();
    grid.setAttribute('aria-rowcount', next ? -1 : rows.length + 1);
    render();
    if (focused >= 0) shown.get(focused)?.link.focus({ preventScroll: true });
  };

  const busy = (on) => {
    bar.hidden = !on;
    grid.setAttribute('aria-busy', String(on));
  };

  const take = (answer, fresh) => {
    if (fresh) wanted = wantedOf(current);
    const found = answer.recordings.map((r) => summary(r, wanted, columns.map(keyOf).filter(Boolean)));
    if (fresh) {
      rows = found;
      active = 0;
      picked.clear();
    } else rows.push(...found);
    next = answer.nextUri ? localPath(answer.nextUri) : '';
    if (Number.isFinite(answer.total)) total = answer.total;
    tellStatus();
    if (fresh) return redraw();
    showZone();
    body.style.height = `${rows.length * rowHeight}px`;
    grid.setAttribute('aria-rowcount', next ? -1 : rows.length + 1);
    renderSoon();
  };

  const tellStatus = () => {
    const n = rows.length;
    told(next ? total : n);
    if (!next) status.textContent = n === 0 ? '' : t('common.calls', { n });
    else if (Number.isFinite(total)) status.textContent = t('common.calls', { n: total });
    else status.textContent = t(current.sort ? 'results.oldest' : 'results.newest', { n });
    foot.hidden = !next;
    foot.textContent = t('results.coming');
  };

  const more = async () => {
    if (!next || loading) return;
    broken = false;
    const mine = new AbortController();
    loading = mine;
    try {
      const answer = await ask(next, { signal: mine.signal });
      if (loading === mine) {
        loading = null;
        take(answer, false);
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      loading = null;
      broken = true;
      foot.hidden = false;
      fill(
        foot,
        `${error.message} `,
        h(
          'button',
          {
            type: 'button',
            onclick: () => {
              foot.textContent = t('results.coming');
              more();
            },
          },
          t('common.tryAgain'),
        ),
      );
    }
  };

  /** Says what was probably not meant, though it was searched for. */
  const showNotices = (all = []) => {
    const texts = all.map(noticeText);
    if (notices.textContent === texts.join('')) return; // it is not told again
    fill(
      notices,
      texts.map((text) => h('p', {}, text)),
    );
  };

  /** Searches; a search that is still under way is given up. */
  const search = async (what) => {
    loading?.abort();
    explaining?.abort();
    picture.dim();
    const mine = new AbortController();
    loading = mine;
    current = what;
    since = serverNow();
    fill(newer);
    toolRow.hidden = false;
    order.value = what.sort;
    timeHead.setAttribute('aria-sort', what.sort ? 'ascending' : 'descending');
    count.hidden = true;
    total = NaN;
    broken = false;
    const slow = setTimeout(() => busy(true), 150);
    const verySlow = setTimeout(() => {
      status.textContent = t('results.searching');
    }, 700);
    try {
      const answer = await ask(`${base()}/recordings?${queryOf(what)}&limit=${firstPage}`, {
        signal: mine.signal,
      });
      if (loading !== mine) return;
      loading = null;
      refused(null);
      note.hidden = true;
      grid.hidden = answer.recordings.length === 0;
      grid.classList.toggle('stale', dimmed);
      const told = answer.notice ?? [];
      showNotices(told.filter((notice) => !isAboutCenter(notice)));
      take(answer, true);
      showPicture();
      if (answer.recordings.length === 0) {
        explaining = new AbortController();
        empty(what, note, explaining.signal, told.some(isAboutCenter));
      }
      const order = what.sort ? 'Oldest' : 'Newest';
      if (rows.length === 0) announce(t('results.none'));
      else announce(t(next ? `results.many${order}` : `results.all${order}`, { n: rows.length }));
    } catch (error) {
      if (mine.signal.aborted) return;
      loading = null;
      fail(error);
    } finally {
      clearTimeout(slow);
      clearTimeout(verySlow);
      if (current === what) busy(false);
    }
  };

  /** Has the calls found drawn over time, with what is known of when they began. */
  const showPicture = () => {
    if (rows.length === 0) return void picture.hide();
    const [top, end] = [rows[0].start, next ? NaN : rows.at(-1).start];
    picture.show(current, current.sort ? { first: top, last: end } : { first: end, last: top });
  };

  /** Dims the results while what is typed is none of their search, and no other: they stay until there are others. */
  const dim = (on) => {
    dimmed = on;
    grid.classList.toggle('stale', on);
  };

  const fail = (error) => {
    if (rows.length > 0 && error.status !== 404 && refused(error)) {
      grid.classList.add('stale');
      status.textContent = t('results.stale');
      return void announce(error.message);
    }
    picture.hide();
    grid.classList.remove('stale');
    showNotices();
    explaining = new AbortController();
    rows = [];
    next = '';
    picked.clear();
    redraw();
    grid.hidden = true;
    foot.hidden = true;
    status.textContent = '';
    note.hidden = false;
    if (error.status === 404) return void empty(emptySearch(), note, explaining.signal); // of the contact center
    const known = refused(error);
    fill(
      note,
      h('h2', {}, known ? t('results.refused') : t('results.failed')),
      h('p', {}, known ? t('results.refusedAbout') : error.message),
      !known && h('button', { type: 'button', onclick: () => search(current) }, t('common.tryAgain')),
    );
    announce(error.message);
  };

  const focusRow = (i) => {
    const to = Math.max(0, Math.min(rows.length - 1, i));
    if (rows.length === 0) return;
    activate(to);
    const top = body.getBoundingClientRect().top + scrollY + to * rowHeight;
    const above = dayHead.getBoundingClientRect().bottom;
    if (top - scrollY < above) scrollTo({ top: top - above - 4 });
    else if (top + rowHeight > scrollY + innerHeight) scrollTo({ top: top + rowHeight - innerHeight + 8 });
    render();
    shown.get(to)?.link.focus({ preventScroll: true });
  };

  /** The keys that select: Space, Shift with an arrow, and all that are loaded. Reports whether it was one. */
  const pickKey = (event) => {
    const row = rows[active];
    if (!row || event.altKey) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === ' ') picked.set(rows, active, !picked.has(row.id), event.shiftKey);
    else if ((event.ctrlKey || event.metaKey) && event.key === 'a') picked.only(rows.map((r) => r.id));
    else if (event.shiftKey && step) {
      picked.set(rows, active, true);
      focusRow(active + step);
      picked.set(rows, active, true);
    } else return false;
    return true;
  };

  /** Tells all of a cell that is cut off to whoever points at it. The link lies over the cells. */
  body.addEventListener('pointermove', ({ target, clientX, clientY }) => {
    const row = target.closest('.grid-row');
    if (!row?.link) return;
    const at = document.elementsFromPoint(clientX, clientY).find((x) => x.classList.contains('cell'));
    const whole = rows[row.dataset.index]?.whole;
    const title = (at?.scrollWidth > at?.clientWidth && whole?.[at.dataset.column]) || '';
    if (row.link.title !== title) row.link.title = title;
  });

  grid.addEventListener('keydown', (event) => {
    if (event.target !== shown.get(active)?.box && pickKey(event)) return void event.preventDefault();
    const page = Math.max(1, Math.floor(innerHeight / rowHeight) - 3);
    const to = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: rows.length - 1,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    focusRow(to);
  });

  /** Shows other columns. What rows do not have yet is asked for again. */
  const setColumns = (names) => {
    const missing = names.some((name) => keyOf(name) && !columns.includes(name));
    columns = names;
    layOut();
    if (missing && current && !grid.hidden) return search(current);
    return redraw();
  };
  layOut();

  return {
    element,
    search,
    redraw,
    columns: () => columns,
    setColumns,
    focus: () => focusRow(active),
    neighbour: (id, step) => rows[rows.findIndex((r) => r.id === id) + step]?.id ?? '',
    has: (id) => rows.some((r) => r.id === id),
    forget: (id) => {
      if (rows.some((r) => r.id === id)) total--;
      rows = rows.filter((r) => r.id !== id);
      active = Math.min(active, Math.max(0, rows.length - 1));
      tellStatus();
      redraw();
      showPicture();
    },
    current: () => current,
    dim,
    newer, // where it is told that there are newer ones
    since: () => (loading || !current ? NaN : since),
    knows: ({ id, changedTime }) => rows.some((r) => r.id === id && r.changed === changedTime),
    unpick,
    stop: () => {
      loading?.abort();
      fill(newer);
      explaining?.abort();
      picture.hide();
      loading = null;
      rows = [];
      next = '';
      picked.clear();
      current = null;
      toolRow.hidden = true;
      status.textContent = '';
      showNotices();
      busy(false);
      redraw();
      foot.hidden = true;
    },
    count: () => ({ loaded: rows.length, complete: !next, total }),
    say: (text) => {
      status.textContent = text;
    },
    note: (title, words, button) => {
      picture.hide();
      grid.hidden = true;
      note.hidden = false;
      const text = typeof words === 'string' ? h('p', {}, words) : words;
      fill(note, h('h2', {}, title), text, h('div', { class: 'row' }, button));
      announce(title);
    },
    setTotal: (n) => {
      total = n;
      tellStatus();
    },
    offerCount: () => {
      count.hidden = !next;
    },
  };
}
