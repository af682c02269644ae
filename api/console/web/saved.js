// The searches that somebody has saved, in the side panel: each leads to its calls, and says how many are
// new since they were last looked at.
//
// How many are new is asked for one after the other, when the panel is seen and at most every few minutes:
// each is a search of its own, in the audit log, too.

import { h, fill, icon, iconButton, announce } from './dom.js';
import { ask, base, fieldErrors, segment, send, serverNow, session } from './api.js';
import { describe } from './advice.js';
import { from as fromName, to as toName } from './criteria.js';
import { styled } from './later.js';
import { form } from './marks.js';
import { criteriaOf, keptIn, readAddress, remember, writeAddress } from './state.js';
import { currentZone, isoTime, isZone, moment, parseTime } from './time.js';
import { t } from './texts.js';

/** The most characters of a name. */
const longest = 64;

/** How long a number of new calls is good for, in milliseconds. */
const fresh = 300e3;

const sameName = (a, b) => a.toLowerCase() === b.toLowerCase();

/** A search as the API saves it: a period stays one, with the zone whose days it is about. */
export function toSaved(search) {
  const period = search.period === 'custom' ? '' : search.period;
  const criteria = period ? {} : Object.fromEntries(criteriaOf(search));
  for (const name of keptIn(search)) criteria[name] = search.criteria[name];
  return {
    criteria,
    ...(period && { period, zone: currentZone() }),
    ...(search.sort && { sort: search.sort }),
  };
}

/**
 * What a saved search asks for: { search, zone, problems }, where zone is "" if it does not matter, and
 * problems are what of it the page does not understand, as with an address (state.js).
 */
export function ofSaved({ criteria, period, zone, sort }) {
  const query = new URLSearchParams(criteria);
  if (query.get(fromName) === '0') query.delete(fromName); // which is everything
  if (period) query.set('period', period);
  if (sort) query.set('sort', sort);
  const { search, problems } = readAddress({ search: `?${query}`, hash: '' });
  const known = !period || !zone || isZone(zone);
  if (!known) problems.push({ name: 'timeZone', value: zone, why: 'zone', places: {} });
  return { search, zone: period && known ? (zone ?? '') : '', problems };
}

/** What a search asks for, a line for each criterion. */
export function wordsOf(search) {
  const lines = keptIn(search).map((name) => describe(name, search.criteria[name]));
  if (search.period === 'custom') {
    for (const [name, ms] of [[fromName, search.from], [toName, search.to]])
      if (Number.isFinite(ms)) lines.push(describe(name, isoTime(ms)));
  } else if (search.period) lines.push(t(`period.${search.period}`));
  return lines.length > 0 ? lines : [t('saved.everything')];
}

/** How many calls of a search, whose period is one of a zone, are new or have changed since a time of the API. */
async function countNew(search, since, zone, signal) {
  const query = criteriaOf(search, zone || undefined);
  const asked = query.get('changedSince');
  if (!asked || parseTime(asked) < parseTime(since)) query.set('changedSince', since);
  return (await ask(`${base()}/recordings?${query}&limit=1&total=true`, { signal })).total;
}

/**
 * Fills an element with the saved searches, below the title that is there. run is called with one that is to
 * be made, as ofSaved has it; addressOf is the address of one; search is what is searched for now. The
 * functions that are returned: show tells of the present search, save asks for a name for it.
 */
export function savedSearches(element, { run, addressOf, search }) {
  const list = h('ul', { class: 'saved-list' });
  const status = h('p', { class: 'problem', role: 'alert' });
  const path = (name) => `${base()}/saved-searches${name === undefined ? '' : `/${segment(name)}`}`;
  let all = []; // as the API has them
  let rows = new Map(); // by name: { link, badge }
  let center; // whose they are
  let last = ''; // the name of the one that was made last
  let counting = null; // the AbortController of what counts
  let counted = new Map(); // by name: { n, on, key }

  const load = async () => {
    const mine = session.contactCenter;
    center = mine;
    let read = [];
    let why = '';
    try {
      await styled('later.css');
      read = (await ask(path())).savedSearches;
    } catch (error) {
      why = t('saved.unread', { why: error.message });
    }
    if (center !== mine) return; // those of another one are wanted by now
    all = read;
    status.textContent = why;
    draw();
    await count();
  };

  const row = (saved) => {
    const asked = ofSaved(saved);
    const badge = h('span', { class: 'new' });
    const onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens it elsewhere
      event.preventDefault();
      look(saved, ofSaved(saved));
    };
    const link = h(
      'a',
      { href: addressOf(asked), title: wordsOf(asked.search).join('\n'), onclick },
      h('bdi', {}, saved.name),
      ' ',
      badge,
    );
    rows.set(saved.name, { link, badge, search: asked.search });
    const change = iconButton('more', t('saved.change', { name: saved.name }), () => changeDialog(saved));
    return h('li', {}, link, change);
  };

  const draw = () => {
    rows = new Map();
    fill(list, all.map(row));
    element.style.minHeight = '';
    remember(`saved.${session.user.userName}`, all.length || '');
    for (const { name } of all) showCount(name);
    show();
  };

  /** Marks the one that is what is searched for. */
  const show = () => {
    const address = (s) => writeAddress({ view: 'search', search: s });
    for (const { link, search: asked } of rows.values()) {
      if (address(asked) === address(search())) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  };

  const showCount = (name) => {
    const { badge } = rows.get(name) ?? {};
    if (!badge) return;
    const n = counted.get(name)?.n ?? 0;
    const since = all.find((s) => s.name === name)?.lookedAt;
    badge.textContent = n > 0 ? t('saved.new', { n }) : '';
    badge.title = n > 0 ? t('saved.newAbout', { n, time: moment(parseTime(since)) }) : '';
  };

  /** Counts what is new in each, where that is seen and not known yet. */
  const count = async () => {
    counting?.abort();
    const mine = new AbortController();
    counting = mine;
    for (const saved of all) {
      if (!element.checkVisibility() || document.hidden) return; // it goes on when it is seen
      const key = `${center} ${saved.time} ${saved.lookedAt}`;
      const known = counted.get(saved.name);
      if (!saved.lookedAt || (known?.key === key && performance.now() - known.on < fresh)) continue;
      const { search: asked, zone, problems } = ofSaved(saved);
      if (problems.length > 0) continue;
      try {
        const n = await countNew(asked, saved.lookedAt, zone, mine.signal);
        if (mine.signal.aborted) return;
        counted.set(saved.name, { n, on: performance.now(), key });
      } catch {
        if (mine.signal.aborted) return;
        continue; // it says nothing, then
      }
      showCount(saved.name);
    }
  };

  /** Makes a saved search, and notes that it was looked at. */
  const look = async (saved, asked) => {
    const at = isoTime(serverNow());
    last = saved.name;
    counted.delete(saved.name);
    run(asked);
    showCount(saved.name);
    if (asked.problems.length > 0) return;
    try {
      // It may have become another one, on another device.
      const { name, time: _, ...now } = (await ask(path(saved.name))).savedSearch;
      await send(path(name), 'PUT', { ...now, lookedAt: at });
      saved.lookedAt = at;
      status.textContent = '';
    } catch (error) {
      if (error.status !== 404) status.textContent = t('saved.unmarked', { why: error.message });
      else await load(); // it is gone
    }
  };

  /** What the API says about a search that is saved, in plain words. */
  const plain = (error) => {
    const most = Number(/\d+/.exec(error.message)?.[0]);
    if (error.status === 409 && most) return new Error(t('saved.tooMany', { n: most }));
    if (fieldErrors(error.message, ['the name of the path'])['the name of the path'])
      return new Error(t('saved.badName', { n: longest }));
    return error;
  };

  const put = (name, saved) =>
    send(path(name), 'PUT', saved).catch((error) => {
      throw plain(error);
    });

  const nameInput = (value) =>
    h('input', { id: 'saved-name', required: true, maxlength: longest, autocomplete: 'off', dir: 'auto', value });

  const asksFor = (s) => h('ul', { class: 'problems' }, wordsOf(s).map((words) => h('li', {}, words)));

  /** Asks for a name for the present search. */
  const save = () => {
    const wanted = search();
    const name = nameInput(all.some((s) => s.name === last) ? last : '');
    const taken = h('p', { class: 'hint', id: 'saved-taken', role: 'status' });
    const tell = () => {
      const there = all.some((s) => sameName(s.name, name.value.trim()));
      taken.textContent = there ? t('saved.replaces') : '';
    };
    name.setAttribute('aria-describedby', 'saved-taken');
    name.addEventListener('input', tell);
    tell();
    form(
      t('saved.saveTitle'),
      [asksFor(wanted), h('label', { for: 'saved-name' }, t('saved.name')), name, taken],
      t('saved.save'),
      async () => {
        const called = name.value.trim();
        await put(called, { ...toSaved(wanted), lookedAt: isoTime(serverNow()) });
        last = called;
      },
      async () => {
        await load();
        announce(t('saved.saved'));
      },
    );
    name.select();
  };

  const changeDialog = (saved) => {
    const name = nameInput(saved.name);
    const drop = async () => {
      drop_.disabled = true;
      try {
        await ask(path(saved.name), { method: 'DELETE' });
      } catch (error) {
        drop_.disabled = false;
        if (error.status !== 404) return void (wrong.textContent = error.message);
      }
      opened.close();
      await load();
      announce(t('saved.deleted'));
      (list.querySelector('a') ?? document.querySelector('.saved button'))?.focus();
    };
    const wrong = h('p', { class: 'problem', role: 'alert' });
    const drop_ = h('button', { type: 'button', class: 'drop', onclick: drop }, icon('trash'), t('saved.delete'));
    const opened = form(
      t('saved.changeTitle', { name: saved.name }),
      [
        asksFor(ofSaved(saved).search),
        h('label', { for: 'saved-name' }, t('saved.name')),
        name,
        drop_,
        wrong,
      ],
      t('saved.rename'),
      async () => {
        const called = name.value.trim();
        if (called === saved.name) return;
        if (!sameName(called, saved.name) && all.some((s) => sameName(s.name, called)))
          throw new Error(t('saved.taken'));
        const { name: _, time: __, ...rest } = saved;
        await put(called, rest);
        if (!sameName(called, saved.name)) await ask(path(saved.name), { method: 'DELETE' });
        if (last === saved.name) last = called;
        saved.name = called;
      },
      async () => {
        await load();
        announce(t('saved.renamed'));
        setTimeout(() => rows.get(saved.name)?.link.focus());
      },
    );
  };

  const seen = () => {
    if (!document.hidden) count();
  };
  document.addEventListener('visibilitychange', seen);
  element.closest('details')?.addEventListener('toggle', seen);
  fill(element, list, status);
  load();
  return {
    save,
    show: () => {
      if (center !== session.contactCenter) load();
      else show();
    },
  };
}
