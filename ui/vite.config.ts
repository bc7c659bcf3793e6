import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/**
 * Leaves a mark in place of the path that the page is served from: only the application knows it. The dashboard replaces
 * `{{base}}` when it sends the page.
 */
function basePath(): Plugin {
  return {
    name: 'base-path',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replaceAll('"./assets/', '"{{base}}/assets/').replaceAll(' crossorigin ', ' '),
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [basePath()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../dist/dashboard/page', import.meta.url)),
    emptyOutDir: true,
    // A file of its own for everything: the page allows no inline data but images.
    assetsInlineLimit: 0,
    modulePreload: false,
    // The page holds the code of other packages, so it holds their licenses too.
    license: { fileName: 'LICENSES.md' },
    target: ['chrome123', 'firefox121', 'safari17.5'],
  },
});
