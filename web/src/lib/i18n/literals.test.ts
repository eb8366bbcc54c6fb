import { parse } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';

// Every word that people read comes from the catalogue, so that another language is one more file and nothing else.
const components = import.meta.glob<string>('/src/**/*.svelte', { eager: true, query: '?raw', import: 'default' });
const spoken = new Set(['aria-label', 'placeholder', 'title', 'alt', 'label', 'aria-description']);
type Node = { type?: string; name?: string; data?: string; value?: unknown } & Record<string, unknown>;

function words(source: string): string[] {
  const found: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (node === null || typeof node !== 'object') return;
    const n = node as Node;
    if (n.type === 'StyleDirective') return;
    if (n.type === 'Attribute') {
      const literal = Array.isArray(n.value)
        ? (n.value as Node[])
            .filter((v) => v.type === 'Text')
            .map((v) => v.data ?? '')
            .join(' ')
        : '';
      if (spoken.has(n.name ?? '') && /\p{L}{2}/u.test(literal)) found.push(`${n.name}="${literal}"`);
      return;
    }
    if (n.type === 'Text' && /\p{L}{2}/u.test(n.data ?? '')) found.push((n.data ?? '').trim());
    for (const [key, value] of Object.entries(n)) if (key !== 'css' && key !== 'instance' && key !== 'module') walk(value);
  };
  walk(parse(source, { modern: true }).fragment);
  return found;
}

describe('words in components', () => {
  it('would be noticed', () => {
    expect(words('<p>Hello <b>{name}</b></p><input placeholder="Your name" class="wide" />')).toEqual(['Hello', 'placeholder="Your name"']);
  });
  it('are found', () => expect(Object.keys(components).length).toBeGreaterThan(25));
  it.each(Object.entries(components))('%s has none of its own', (_name, source) => {
    expect(words(source)).toEqual([]);
  });
});
