import { afterEach, describe, expect, it, vi } from 'vitest';
import { horizon, merge, Timeline } from './timeline.svelte';
import { aCall, aNote } from './testing';

const at = (h: number) => `2026-01-01T${String(h).padStart(2, '0')}:00:00Z`;
const ids = (items: ReturnType<typeof merge>) => items.map((i) => i.id);

describe('merge', () => {
  it('puts notes under their call, and notes on the caller between the calls, newest first', () => {
    const items = merge(
      [aCall('c1', { startedAt: at(9) }), aCall('c2', { startedAt: at(11) })],
      [aNote('n2', at(12), 'c1'), aNote('n1', at(10)), aNote('n3', at(9), 'c1')],
      null
    );
    expect(ids(items)).toEqual(['c2', 'n1', 'c1']);
    const c1 = items.find((i) => i.id === 'c1');
    expect(c1?.kind === 'call' && c1.notes.map((n) => n.id)).toEqual(['n3', 'n2']);
  });
  it('shows a note of a call that is not loaded by itself', () => {
    expect(ids(merge([], [aNote('n', at(9), 'elsewhere')], null))).toEqual(['n']);
  });
  it('keeps a note of a call that is still to be loaded for that call', () => {
    expect(ids(merge([aCall('c1', { startedAt: at(9) })], [aNote('n', at(12), 'older'), aNote('m', at(10))], null, true))).toEqual([
      'm',
      'c1'
    ]);
  });
  it('shows nothing older than the horizon', () => {
    expect(
      ids(merge([aCall('new', { startedAt: at(11) }), aCall('old', { startedAt: at(8) })], [aNote('n', at(10)), aNote('m', at(7))], at(9)))
    ).toEqual(['new', 'n']);
  });
});

describe('horizon', () => {
  it('is the newest end of the lists that have more', () => {
    const list = (hours: number[], hasMore: boolean) => ({ items: hours.map((h) => ({ at: at(h) })), hasMore });
    expect(horizon([list([12, 9], true), list([11, 10], true)])).toBe(at(10));
    expect(horizon([list([12, 9], true), list([11, 10], false)])).toBe(at(9));
    expect(horizon([list([12, 9], false), list([], true)])).toBeNull();
  });
});

describe('Timeline', () => {
  afterEach(() => vi.unstubAllGlobals());

  /** A server with `calls` calls, one an hour, and two notes a minute ago on each. */
  function server(calls: number) {
    const all = Array.from({ length: calls }, (_, i) => aCall(`c${i}`, { startedAt: at(23 - i) }));
    const notes = all.flatMap((c, i) => [
      aNote(`n${i}a`, `2026-01-02T10:${59 - 2 * i}:00Z`, c.id),
      aNote(`n${i}b`, `2026-01-02T10:${58 - 2 * i}:00Z`, c.id)
    ]);
    vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      const { query, variables } = JSON.parse(String(init.body)) as { query: string; variables: { first: number; after: string | null } };
      const list: readonly { id: string }[] = query.includes('interactions(') ? all : notes;
      const from = variables.after === null ? 0 : list.findIndex((x) => x.id === variables.after) + 1;
      const nodes = list.slice(from, from + variables.first);
      const page = { nodes, pageInfo: { hasNextPage: from + nodes.length < list.length, endCursor: nodes.at(-1)?.id ?? null } };
      const caller = query.includes('interactions(') ? { interactions: page } : { notes: page };
      return new Response(JSON.stringify({ data: { caller } }), { status: 200 });
    });
  }

  it('shows the first calls with their notes, however many notes there are', async () => {
    server(8);
    const line = new Timeline('caller', 3, true);
    await line.reset();
    expect(ids(line.items)).toEqual(['c0', 'c1', 'c2']);
    expect(line.items.map((i) => (i.kind === 'call' ? i.notes.length : -1))).toEqual([2, 2, 2]);
    await line.older();
    expect(ids(line.items)).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5']);
    await line.older();
    expect(line.items).toHaveLength(8);
    expect(line.hasMore).toBe(false);
  });

  it('leaves out the call on the screen and its notes, and knows the one before', async () => {
    server(3);
    const line = new Timeline('caller', 5, true, () => 'c0');
    await line.reset();
    expect(ids(line.items)).toEqual(['c1', 'c2']);
    expect(line.previous?.id).toBe('c1');
  });

  it('asks for no notes when they may not be read', async () => {
    server(2);
    const line = new Timeline('caller', 5, false);
    await line.reset();
    expect(line.state).toBe('ready');
    expect(line.items.map((i) => (i.kind === 'call' ? i.notes.length : -1))).toEqual([0, 0]);
  });
});
