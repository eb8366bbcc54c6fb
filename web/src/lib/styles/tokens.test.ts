import { expect, it } from 'vitest';

// Colours come from tokens.css, whose pairs are checked for contrast (`npm run check:contrast`).
const sources = import.meta.glob<string>(['/src/**/*.{svelte,css}', '!/src/lib/styles/tokens.css'], {
  eager: true,
  query: '?raw',
  import: 'default'
});
const styles = Object.entries(sources).map(
  ([name, text]) => [name, name.endsWith('.css') ? text : (/<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '')] as const
);

it('finds the styles', () => expect(styles.filter(([, css]) => css !== '').length).toBeGreaterThan(20));
it.each(styles)('%s names no colour of its own', (_name, css) => {
  expect(css.match(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|lab)a?\(/gi) ?? []).toEqual([]);
});
