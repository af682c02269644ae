// The controls of the player.

import { h, icon } from './dom.js';
import { clock, span } from './time.js';
import { remember, remembered } from './state.js';
import { seekStep, speeds } from './player.js';
import { t } from './texts.js';

/** Reports whether a call plays at once to which one goes by J or K: a choice that is kept. */
export const playsNext = () => remembered('playsNext') === 'yes';

/** The bar below the timeline. */
export function playerBar(player, layout) {
  const playIcon = icon('play'),
    pauseIcon = icon('pause');
  const toggle = h(
    'button',
    { type: 'button', class: 'primary play', onclick: () => player.toggle() },
    playIcon,
    pauseIcon,
  );
  const now = h('b', { class: 'now' });
  const wall = h('span', { class: 'muted wall' });
  const jump = (sign) => {
    const n = seekStep() / 1000;
    return h(
      'button',
      {
        type: 'button',
        class: 'quiet',
        title: t(sign < 0 ? 'player.back' : 'player.on', { n }),
        onclick: (event) => player.seek(player.position + sign * seekStep(event.shiftKey)),
      },
      t(sign < 0 ? 'player.backShort' : 'player.onShort', { n }),
    );
  };
  const speed = h(
    'select',
    {
      id: 'speed',
      onchange: () => {
        player.rate = Number(speed.value);
        remember('speed', speed.value);
      },
    },
    speeds.map((s) => h('option', { value: s }, t('player.times', { n: s }))),
  );
  const volume = h('input', {
    id: 'volume',
    type: 'range',
    min: 0,
    max: 1,
    step: 0.05,
    'aria-label': t('player.volume'),
    oninput: () => {
      player.volume = Number(volume.value);
      remember('volume', volume.value);
    },
  });
  const muted = h(
    'button',
    { type: 'button', class: 'quiet icon-only', 'aria-label': t('player.mute'), onclick: () => player.mute() },
    icon('volume'),
  );
  const skip = h('input', {
    id: 'skip',
    type: 'checkbox',
    onchange: () => {
      player.skipping = skip.checked;
      remember('skip', skip.checked ? '' : 'no');
    },
  });
  const next = h('input', {
    id: 'plays-next',
    type: 'checkbox',
    onchange: () => remember('playsNext', next.checked ? 'yes' : ''),
  });
  next.checked = playsNext();
  const several = layout.files.length > 1;

  const chosen = Number(remembered('speed'));
  player.rate = speeds.includes(chosen) ? chosen : 1;
  const loud = remembered('volume');
  player.volume = loud === '' ? 1 : Math.max(0, Math.min(1, Number(loud) || 0));
  player.skipping = remembered('skip') !== 'no';
  skip.checked = player.skipping;

  const total = h('span', { class: 'muted' });
  const showTotal = () => {
    total.textContent = ` / ${span(layout.stop - layout.origin)}`;
  };
  showTotal();
  player.addEventListener('measured', showTotal);
  const showTime = () => {
    now.textContent = span(player.position - layout.origin);
    wall.textContent = clock(player.position);
  };
  const show = () => {
    showTime();
    toggle.setAttribute('aria-label', player.playing ? t('player.pause') : t('player.play'));
    toggle.title = player.playing ? t('player.pauseKey') : t('player.playKey');
    playIcon.toggleAttribute('hidden', player.playing);
    pauseIcon.toggleAttribute('hidden', !player.playing);
    toggle.disabled = player.playable.length === 0;
    speed.value = String(player.rate);
    volume.value = String(player.volume);
    muted.setAttribute('aria-pressed', String(player.volume === 0));
  };
  player.addEventListener('time', showTime);
  player.addEventListener('change', show);
  const wait = h('span', { class: 'muted buffering', role: 'status' });
  let slow;
  player.addEventListener('waiting', () => {
    clearTimeout(slow);
    slow = setTimeout(() => {
      wait.textContent = t('player.waiting');
    }, 400);
  });
  const nothingAwaited = () => {
    clearTimeout(slow);
    wait.textContent = '';
  };
  player.addEventListener('playing', nothingAwaited);
  player.addEventListener('change', () => {
    if (!player.playing || !player.current) nothingAwaited(); // it was given up, or could not be had
  });
  show();

  return h(
    'div',
    { class: 'player-bar' },
    toggle,
    h('span', { class: 'times' }, now, total, wall),
    jump(-1),
    jump(1),
    wait,
    h('span', { class: 'space' }),
    several && h('label', { class: 'check' }, skip, t('player.skip')),
    h('label', { class: 'check', title: t('player.nextAbout') }, next, t('player.next')),
    h('span', { class: 'speed' }, h('label', { for: 'speed' }, t('player.speed')), speed),
    h('span', { class: 'volume' }, muted, volume),
  );
}
