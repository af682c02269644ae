// Elements are made here and nowhere else: text only ever becomes text, never HTML.

import { t } from './texts.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element. Properties that begin with "on" are listeners; false, null and undefined leave
 * an attribute out, true makes it empty.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  add(element, children);
  return element;
}

/** Appends nodes and texts, leaving out what is null or false. */
export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child != null && child !== false) element.append(child);
  }
}

/** Replaces all that is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

// Icons are strokes on a grid of 24.
const paths = {
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16 16l5 5',
  back: 'M14 5l-7 7 7 7',
  next: 'M10 5l7 7-7 7',
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M5 12h.1M12 12h.1M19 12h.1',
  comment: 'M5 5h14v11h-8l-4 4v-4H5z',
  hold: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 4.5v15l12-7.5z',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700L12 17',
  table: 'M4 5h16v14H4zM4 10h16M4 14.500h16M11 10v9',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5',
  clock: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 7v5l3.500 2',
  theme: 'M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z',
  keys: 'M9.100 9a3 3 0 1 1 4.200 2.700c-.9.4-1.300 1-1.300 2M12 17.500v.1M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18z',
  out: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  volume: 'M4 10v4h4l5 4V6L8 10zM16.500 9a4 4 0 0 1 0 6M19 6.500a8 8 0 0 1 0 11',
  muted: 'M4 10v4h4l5 4V6L8 10zM17 9.500l5 5M22 9.500l-5 5',
  agent: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.500 20a7.500 7.500 0 0 1 15 0',
  center: 'M4 13a8 8 0 0 1 16 0M4 13h3v6H4zM17 13h3v6h-3zM20 19c0 2-2 2.500-5 2.500',
  phone:
    'M6 3h4l1.500 5-2.500 1.500a12 12 0 0 0 5.500 5.500L16 12.500l5 1.500v4' +
    'c0 1.500-1 3-3 3C10 21 3 14 3 6c0-2 1.500-3 3-3z',
  wave: 'M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4',
};

/** An icon that means nothing to a screen reader: what it is for is said beside it. */
export function icon(name, kind = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon ${kind}`.trim());
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon only. */
export function iconButton(name, label, onclick, properties = {}) {
  return h(
    'button',
    { type: 'button', class: 'quiet icon-only', 'aria-label': label, title: label, onclick, ...properties },
    icon(name),
  );
}

let live;

/** The element in which short news are told to screen readers. */
export function liveRegion() {
  live = h('div', { class: 'sr', role: 'status', 'aria-live': 'polite' });
  return live;
}

/** Tells screen readers something that others see for themselves. */
export function announce(text) {
  if (live) live.textContent = text;
}

/**
 * Shows a dialog until it is closed. The browser keeps the focus within, and gives it back
 * afterwards. build gets a function that closes the dialog, and returns its content.
 */
export function dialog(title, build, kind = '') {
  const element = h('dialog', { class: `dialog ${kind}`.trim(), 'aria-label': title });
  const close = () => element.close();
  element.addEventListener('close', () => element.remove());
  element.addEventListener('click', (event) => {
    if (event.target === element) close();
  });
  add(element, [
    h('header', { class: 'dialog-head' }, h('h2', {}, title), iconButton('close', t('common.close'), close)),
    h('div', { class: 'dialog-body' }, build(close)),
  ]);
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * Calls f when nothing has called for it for some milliseconds, which wait tells each time, from
 * what f is to be called with.
 */
export function debounce(wait, f) {
  let timer;
  const later = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(f, wait(...args), ...args);
  };
  later.now = (...args) => {
    clearTimeout(timer);
    f(...args);
  };
  later.stop = () => clearTimeout(timer);
  return later;
}
