import { describe, expect, it } from 'vitest';
import type { Call } from '$lib/api/calls.gql';
import { CallBoard } from './board.svelte';
import { aCall, me, other } from './testing';

const snapshot = (seq: number, calls: Call[]) => ({ __typename: 'CallSnapshot' as const, seq, serverTime: '2026-01-01T10:00:00Z', calls });
const changed = (seq: number, call: Call) => ({ __typename: 'CallChanged' as const, seq, call });
const gone = (seq: number, id: string) => ({ __typename: 'CallGone' as const, seq, id });
const board = () => new CallBoard(() => me.id);
const ids = (calls: readonly Call[]) => calls.map((c) => c.id);

describe('CallBoard', () => {
  it('sorts calls into what can be done with them, the longest waiting first', () => {
    const b = board();
    b.apply(
      snapshot(1, [
        aCall('new', { startedAt: '2026-01-01T10:02:00Z' }),
        aCall('old', { startedAt: '2026-01-01T10:00:00Z' }),
        aCall('answered', { state: 'ANSWERED', startedAt: '2026-01-01T10:01:00Z' }),
        aCall('mine', { state: 'ANSWERED', agent: me }),
        aCall('theirs', { state: 'ANSWERED', agent: other }),
        aCall('finish', { state: 'ENDED', agent: me, needsDisposition: true }),
        aCall('done', { state: 'ENDED', agent: me, needsDisposition: false }),
        aCall('not-mine', { state: 'ENDED', agent: other, needsDisposition: true })
      ])
    );
    expect(ids(b.free)).toEqual(['old', 'answered', 'new']);
    expect(ids(b.ringing)).toEqual(['old', 'new']);
    expect(ids(b.mine)).toEqual(['mine']);
    expect(ids(b.colleagues)).toEqual(['theirs']);
    expect(ids(b.needOutcome)).toEqual(['finish']);
  });

  it('shows nothing before the first snapshot, and starts again from every later one', () => {
    const b = board();
    b.apply(changed(9, aCall('early')));
    expect(b.ready).toBe(false);
    expect(b.all).toEqual([]);
    b.apply(snapshot(5, [aCall('a')]));
    expect(ids(b.all)).toEqual(['a']);
    // The server was restarted and counts from the beginning.
    b.apply(snapshot(1, [aCall('z')]));
    expect(ids(b.all)).toEqual(['z']);
    b.apply(changed(2, aCall('y')));
    expect(ids(b.all)).toEqual(['z', 'y']);
  });

  it('ignores events that are late or repeated', () => {
    const b = board();
    b.apply(snapshot(5, [aCall('a', { version: 3 })]));
    b.apply(gone(5, 'a'));
    b.apply(gone(4, 'a'));
    expect(ids(b.all)).toEqual(['a']);
    b.apply(changed(7, aCall('b')));
    b.apply(changed(6, aCall('c')));
    expect(ids(b.all)).toEqual(['a', 'b']);
    b.apply(gone(8, 'a'));
    expect(ids(b.all)).toEqual(['b']);
  });

  it('never goes back to an older version of a call, whichever way it came', () => {
    const b = board();
    b.apply(snapshot(1, [aCall('a', { version: 1 })]));
    b.merge(aCall('a', { version: 3, agent: me, state: 'ANSWERED' })); // the answer to our own mutation
    b.apply(changed(2, aCall('a', { version: 2 }))); // the stream's copy of something before it
    expect(b.get('a')?.agent).toEqual(me);
    b.apply(changed(3, aCall('a', { version: 3, agent: me, state: 'ANSWERED' })));
    expect(ids(b.mine)).toEqual(['a']);
  });

  it('does not bring back a call that has left', () => {
    const b = board();
    b.apply(snapshot(1, [aCall('a', { state: 'ENDED', agent: me, needsDisposition: true, version: 4 })]));
    b.merge(aCall('a', { state: 'ENDED', agent: me, needsDisposition: false, version: 5 }));
    expect(b.all).toEqual([]);
    b.apply(changed(2, aCall('a', { state: 'ENDED', agent: me, needsDisposition: true, version: 4 })));
    expect(b.all).toEqual([]);
    b.apply(gone(3, 'b'));
    b.apply(changed(4, aCall('b', { version: 1 })));
    expect(ids(b.all)).toEqual(['b']); // came into view again, newer than anything seen
  });

  it('marks itself incomplete from a resync until the snapshot, and keeps what it has', () => {
    const b = board();
    b.apply(snapshot(1, [aCall('a')]));
    expect(b.complete).toBe(true);
    b.apply({ __typename: 'CallResync', seq: 2, reason: 'lagged' });
    expect(b.complete).toBe(false);
    expect(ids(b.all)).toEqual(['a']);
    b.apply(snapshot(3, [aCall('b')]));
    expect(b.complete).toBe(true);
    expect(ids(b.all)).toEqual(['b']);
  });

  it('tells listeners of every newer copy, also of calls that leave, and of snapshots', () => {
    const b = board();
    const heard: (string | null)[] = [];
    const stop = b.onChange((c) => heard.push(c && `${c.id}:${c.state}`));
    b.apply(snapshot(1, [aCall('a')]));
    b.apply(changed(2, aCall('a', { state: 'ENDED', outcome: 'NO_ANSWER', version: 2 })));
    b.apply(changed(3, aCall('a', { version: 1 })));
    stop();
    b.apply(changed(4, aCall('b')));
    expect(heard).toEqual([null, 'a:ENDED']);
    expect(ids(b.all)).toEqual(['b']);
  });

  it('shows a new name of a caller on all their calls, unless it knows a newer one', () => {
    const b = board();
    const caller = aCall('x').caller;
    if (!caller) throw new Error('the sample has a caller');
    b.apply(
      snapshot(1, [
        aCall('a', { matchLevel: 'NEW' }),
        aCall('b', { caller: { ...caller, version: 9, name: 'Newer' } }),
        aCall('c', { caller: null })
      ])
    );
    b.mergeCaller({ ...caller, version: 2, name: 'Priya Raman', provisional: false });
    expect(b.get('a')?.caller?.name).toBe('Priya Raman');
    expect(b.get('a')?.matchLevel).toBe('KNOWN');
    expect(b.get('b')?.caller?.name).toBe('Newer');
    expect(b.get('c')?.caller).toBeNull();
  });
});
