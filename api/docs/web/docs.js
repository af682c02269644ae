// Starts the viewer, which comes after this script, and shows the description beside this page.
'use strict';

// The viewer makes elements of the Markdown of the description, after it has cleaned that. The policy lets
// this through, and no text that would become a script.
if (window.trustedTypes) {
  window.trustedTypes.createPolicy('default', { createHTML: (html) => html });
}

// Whatever is asked for again, once the page is there: a dark page or a light one, as the reader has it.
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', paint);
paint();

document.addEventListener('DOMContentLoaded', () => {
  window.SwaggerUIBundle({
    url: 'openapi.json',
    dom_id: '#docs',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
  });
});
