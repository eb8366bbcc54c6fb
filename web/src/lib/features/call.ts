import type { Call, Party } from '$lib/api/calls.gql';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'wrap' | 'off';

export const isLive = (c: Pick<Call, 'state'>): boolean => c.state !== 'ENDED';
/** Nobody speaks yet. */
export const isRinging = (c: Pick<Call, 'state'>): boolean => c.state === 'INITIATED' || c.state === 'RINGING' || c.state === 'QUEUED';

/** The person at the other end: who calls us, or whom we call. */
export const otherParty = (c: Pick<Call, 'direction' | 'from' | 'to'>): Party => (c.direction === 'OUTBOUND' ? c.to : c.from);
/** Our own line. */
export const ourParty = (c: Pick<Call, 'direction' | 'from' | 'to'>): Party => (c.direction === 'OUTBOUND' ? c.from : c.to);

/** Nobody on our side spoke with them. */
export const isMissed = (c: Pick<Call, 'direction' | 'outcome' | 'state'>): boolean =>
  c.state === 'ENDED' && c.direction === 'INBOUND' && c.outcome !== null && c.outcome !== 'COMPLETED' && c.outcome !== 'VOICEMAIL';

/** From when the visible timer counts. */
export const timerFrom = (c: Pick<Call, 'state' | 'startedAt' | 'answeredAt' | 'endedAt'>): string =>
  c.state === 'ENDED' ? (c.endedAt ?? c.startedAt) : c.state === 'ANSWERED' ? (c.answeredAt ?? c.startedAt) : c.startedAt;

const tones: Record<string, Tone> = { good: 'good', warn: 'warn', bad: 'bad', info: 'info', off: 'off' };
/** The server names a tone per outcome; an unknown one is shown quietly. */
export const toneOf = (tone: string): Tone => tones[tone] ?? 'off';
