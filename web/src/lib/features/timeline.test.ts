import { describe, expect, it } from 'vitest';
import { horizon, merge } from './timeline.svelte';
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
