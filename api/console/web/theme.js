// Light or dark: as the system says, until somebody chooses on this device.

import { remember, remembered } from './state.js';

const root = document.documentElement;

/** Shows what was chosen on this device, if anything was. */
export function applyTheme() {
  const theme = remembered('theme');
  if (theme) root.dataset.theme = theme;
}

/** Changes between light and dark, and remembers which. */
export function switchTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const theme = (root.dataset.theme || system) === 'dark' ? 'light' : 'dark';

  root.dataset.theme = theme;
  remember('theme', theme);
}
