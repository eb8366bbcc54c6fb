import { describe, expect, it } from 'vitest';
import { ApiError } from '$lib/api/errors';
import { Pages, type Page } from './pages.svelte';

type Item = { id: string; v?: number };
const page = (ids: string[], next: string | null): Page<Item> => ({
  nodes: ids.map((id) => ({ id })),
  pageInfo: { hasNextPage: next !== null, endCursor: next }
});
const ids = (p: Pages<Item>) => p.items.map((i) => i.id);

describe('Pages', () => {
  it('goes on from the cursor, and shows nothing twice', async () => {
    const asked: (string | null)[] = [];
    const p = new Pages<Item>(async (after) => (asked.push(after), after === null ? page(['a', 'b'], 'b') : page(['b', 'c'], null)));
    await p.reset();
    expect(p.hasMore).toBe(true);
    await p.next();
    expect(asked).toEqual([null, 'b']);
    expect(ids(p)).toEqual(['a', 'b', 'c']);
    expect(p.hasMore).toBe(false);
    await p.next();
    expect(asked).toHaveLength(2);
  });

  it('throws an answer away that a newer question has overtaken', async () => {
    const answers: ((p: Page<Item>) => void)[] = [];
    const p = new Pages<Item>(() => new Promise((r) => answers.push(r)));
    const first = p.reset();
    const second = p.reset();
    answers[1]?.(page(['second'], null));
    await second;
    answers[0]?.(page(['first'], null));
    await first;
    expect(ids(p)).toEqual(['second']);
  });

  it('fails the first page, keeps the shown ones when the next fails, and can be tried again', async () => {
    let up = false;
    const p = new Pages<Item>(async (after) => {
      if (!up) throw new ApiError('NETWORK');
      return after === null ? page(['a'], 'a') : page(['b'], null);
    });
    await p.reset();
    expect(p.state).toBe('failed');
    up = true;
    await p.reset();
    expect(p.state).toBe('ready');
    expect(p.error).toBeNull();
    up = false;
    await p.next();
    expect(ids(p)).toEqual(['a']);
    expect(p.error?.code).toBe('NETWORK');
    up = true;
    await p.next();
    expect(ids(p)).toEqual(['a', 'b']);
  });

  it('takes in what was changed or made here', async () => {
    const p = new Pages<Item>(async () => page(['a', 'b'], null));
    await p.reset();
    p.replace({ id: 'b', v: 2 });
    p.prepend({ id: 'new' });
    p.prepend({ id: 'a' });
    expect(p.items).toEqual([{ id: 'new' }, { id: 'a' }, { id: 'b', v: 2 }]);
  });

  it('is empty when the thing it hangs on is gone', async () => {
    const p = new Pages<Item>(async () => null);
    await p.reset();
    expect(p.state).toBe('ready');
    expect(p.items).toEqual([]);
  });
});
