import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, validate, type DocumentNode } from 'graphql';
import { describe, expect, it } from 'vitest';

// `gql.tada check` passes silently when it finds no documents, and svelte-check does not notice an unknown field; this cannot.
const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../../../schema.graphql'), 'utf8'));
const modules = import.meta.glob<Record<string, DocumentNode>>('/src/**/*.gql.ts', { eager: true });
const operations = Object.values(modules)
  .flatMap((m) => Object.entries(m))
  .filter(([, d]) => d?.kind === 'Document' && d.definitions.some((x) => x.kind === 'OperationDefinition'));

describe('documents', () => {
  it('are found', () => expect(operations.length).toBeGreaterThan(15));
  it.each(operations)('%s is valid against schema.graphql', (_name, doc) => {
    expect(validate(schema, doc).map((e) => e.message)).toEqual([]);
  });
  it('are written in *.gql.ts and nowhere else', () => {
    const others = import.meta.glob<string>(['/src/**/*.{ts,svelte}', '!/src/**/*.gql.ts', '!/src/**/*.test.ts'], {
      eager: true,
      query: '?raw',
      import: 'default'
    });
    expect(Object.keys(others).length).toBeGreaterThan(30);
    expect(
      Object.entries(others)
        .filter(([, text]) => /\bgraphql\(/.test(text))
        .map(([name]) => name)
    ).toEqual([]);
  });
});
