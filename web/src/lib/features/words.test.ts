import { describe, expect, it } from 'vitest';
import { inHand } from './desk.svelte';
import { lampOf, lineOf, numberOf, partyName, timerText, whoIs } from './words';
import { aCall } from './testing';
import { actionWords, fieldWords, humanise } from './auditWords';
import { fromUrl, isFiltered, toFilter, toUrl } from './callsView';

const caller = aCall('x').caller;

describe('who is calling', () => {
  it('is the name, else the number, else that it is withheld', () => {
    const named = aCall('a', { caller: caller && { ...caller, name: 'Priya Raman' } });
    expect(whoIs(named)).toBe('Priya Raman');
    expect(numberOf(named)).toBe('+1 202-555-0143');
    expect(whoIs(aCall('a'))).toBe('+1 202-555-0143');
    expect(numberOf(aCall('a'))).toBeNull();
    const hidden = aCall('a', {
      caller: null,
      matchLevel: 'HIDDEN',
      from: { kind: 'WITHHELD', display: 'anonymous', e164: null, masked: false, name: null }
    });
    expect(whoIs(hidden)).toBe('Number withheld');
    expect(numberOf(hidden)).toBeNull();
  });
  it('is whom we call on the way out, and the line is ours', () => {
    const out = aCall('a', { direction: 'OUTBOUND', caller: null });
    expect(whoIs(out)).toBe('+1 415-555-0100');
    expect(lineOf(out)).toBe('from +1 202-555-0143');
    expect(lineOf(aCall('a'))).toBe('to +1 415-555-0100');
  });
  it('is never an empty headline', () => {
    expect(partyName({ kind: 'UNKNOWN', display: '', e164: null, masked: false, name: null })).toBe('Unknown number');
  });
});

describe('lamps', () => {
  it('say a missed call plainly, and a completed one is not missed', () => {
    expect(lampOf({ state: 'ENDED', outcome: 'NO_ANSWER', direction: 'INBOUND' })).toMatchObject({ word: 'Missed', tone: 'bad' });
    expect(lampOf({ state: 'ENDED', outcome: 'NO_ANSWER', direction: 'OUTBOUND' })).toMatchObject({ word: 'No answer', tone: 'off' });
    expect(lampOf({ state: 'ENDED', outcome: 'COMPLETED', direction: 'INBOUND' })).toMatchObject({ word: 'Talked', tone: 'good' });
    expect(lampOf({ state: 'ENDED', outcome: null, direction: 'INBOUND' })).toMatchObject({ word: 'Ended' });
    expect(lampOf({ state: 'QUEUED', outcome: null, direction: 'INBOUND' })).toMatchObject({ word: 'Waiting' });
  });
});

describe('the audit record', () => {
  it('is in words, also for what the catalogue does not know', () => {
    expect(actionWords({ action: 'call.take' })).toBe('Took a call');
    expect(actionWords({ action: 'retention.policy_change' })).toBe('Retention policy change');
    expect(fieldWords('agent_id')).toBe('Taken by');
    expect(humanise('lastSeenAt')).toBe('Last seen at');
  });
});

describe('the filters of the call list', () => {
  it('survive the address', () => {
    const view = { show: 'needs', outcome: 'VOICEMAIL', direction: 'INBOUND', mine: true } as const;
    expect(fromUrl(new URLSearchParams(toUrl(view)))).toEqual(view);
    expect(toFilter(view)).toEqual({ live: null, needsDisposition: true, outcome: 'VOICEMAIL', direction: 'INBOUND', mine: true });
  });
  it('ignore what is not a filter', () => {
    const view = fromUrl(new URLSearchParams('?show=everything&ended=EXPLODED&mine=yes&x=1'));
    expect(isFiltered(view)).toBe(false);
    expect(toUrl(view)).toBe('');
  });
});

describe('the timer', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  it('counts from the answer, then from the end, and says days when it is old', () => {
    expect(timerText(aCall('a', { startedAt: '2026-01-01T11:59:30Z' }), now)).toBe('0:30');
    expect(timerText(aCall('a', { state: 'ANSWERED', answeredAt: '2026-01-01T11:58:00Z' }), now)).toBe('2:00');
    expect(timerText(aCall('a', { state: 'ENDED', endedAt: '2026-01-01T11:59:00Z' }), now)).toBe('1:00');
    expect(timerText(aCall('a', { state: 'ENDED', endedAt: '2025-12-29T11:00:00Z' }), now)).toBe('3 days ago');
  });
});

describe('the call in hand', () => {
  const live = aCall('live', { state: 'ANSWERED' });
  const ended = aCall('ended', { state: 'ENDED' });
  const old = aCall('old', { state: 'ENDED' });
  const fresh = (c: { id: string }) => c.id !== 'old';
  it('is the live one before one that only waits for its outcome', () => {
    expect(inHand([live], [ended], null, fresh)?.id).toBe('live');
    expect(inHand([live], [ended], 'ended', fresh)?.id).toBe('live');
  });
  it('stays in hand when it ends, and is the one that was opened', () => {
    expect(inHand([], [old, ended], 'old', fresh)?.id).toBe('old');
    expect(inHand([], [old, ended], null, fresh)?.id).toBe('ended');
  });
  it('leaves an old call in its list, so that the next ring has the desk', () => {
    expect(inHand([], [old], null, fresh)).toBeNull();
    expect(inHand([], [], 'gone', fresh)).toBeNull();
  });
});
