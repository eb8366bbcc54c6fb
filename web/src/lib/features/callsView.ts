import type { CallOutcome } from '$lib/api/calls.gql';

export type CallsView = {
  show: 'all' | 'live' | 'needs';
  outcome: CallOutcome | null;
  direction: 'INBOUND' | 'OUTBOUND' | null;
  mine: boolean;
};
export const views = ['all', 'live', 'needs'] as const;
export const outcomes = ['COMPLETED', 'NO_ANSWER', 'VOICEMAIL', 'BUSY', 'CANCELED', 'REJECTED', 'FAILED', 'STALE'] as const;
const directions = ['INBOUND', 'OUTBOUND'] as const;

/** The filters of the call list live in the address, so that a list can be bookmarked and sent. They hold no personal data. */
export function fromUrl(q: URLSearchParams): CallsView {
  return {
    show: views.find((v) => v === q.get('show')) ?? 'all',
    outcome: outcomes.find((o) => o === q.get('ended')) ?? null,
    direction: directions.find((d) => d === q.get('direction')) ?? null,
    mine: q.get('mine') === '1'
  };
}
export function toUrl(v: CallsView): string {
  const q = new URLSearchParams();
  if (v.show !== 'all') q.set('show', v.show);
  if (v.outcome) q.set('ended', v.outcome);
  if (v.direction) q.set('direction', v.direction);
  if (v.mine) q.set('mine', '1');
  return q.size > 0 ? `?${q}` : '';
}
export function toFilter(v: CallsView) {
  return {
    live: v.show === 'live' ? true : null,
    needsDisposition: v.show === 'needs' ? true : null,
    outcome: v.outcome,
    direction: v.direction,
    mine: v.mine ? true : null
  };
}
export const isFiltered = (v: CallsView): boolean => toUrl(v) !== '';
