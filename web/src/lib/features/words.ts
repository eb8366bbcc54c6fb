import type { Call, Leg, Party } from '$lib/api/calls.gql';
import type { LampShape } from '$lib/ui/Lamp.svelte';
import { t } from '$lib/i18n';
import { ago, elapsed } from '$lib/ui/format';
import { isMissed, otherParty, ourParty, timerFrom, toneOf, type Tone } from './call';

/** A party in words: a number as the server formats it, or that it is withheld. */
export function partyName(p: Party): string {
  if (p.kind === 'WITHHELD') return t.call.withheld;
  return p.name ?? (p.display || t.call.unknown);
}

/** The person at the other end: their name, else their number, else that it is withheld. */
export function whoIs(c: Pick<Call, 'caller' | 'direction' | 'from' | 'to'>): string {
  return c.caller?.name ?? partyName(otherParty(c));
}

/** Their number, when the headline shows a name instead. */
export function numberOf(c: Pick<Call, 'caller' | 'direction' | 'from' | 'to'>): string | null {
  const p = otherParty(c);
  if (p.kind === 'WITHHELD' || p.display === '') return null;
  return c.caller?.name || p.name ? p.display : null;
}

/** Which of our lines: "to Sales (+44 …)". */
export function lineOf(c: Pick<Call, 'direction' | 'from' | 'to'>): string {
  const p = ourParty(c);
  const line = p.name ? `${p.name} (${p.display})` : partyName(p);
  return c.direction === 'OUTBOUND' ? t.call.lineOut(line) : t.call.line(line);
}

export type LampWords = { shape: LampShape; tone: Tone; word: string };

/** The state of a call as a lamp. */
export function lampOf(c: Pick<Call, 'state' | 'outcome' | 'direction'>): LampWords {
  switch (c.state) {
    case 'INITIATED':
    case 'RINGING':
      return { shape: 'ringing', tone: 'warn', word: t.call.states[c.state] };
    case 'QUEUED':
      return { shape: 'waiting', tone: 'warn', word: t.call.states.QUEUED };
    case 'ANSWERED':
      return { shape: 'talking', tone: 'info', word: t.call.states.ANSWERED };
    case 'ENDED':
      return outcomeLamp(c);
  }
}

function outcomeLamp(c: Pick<Call, 'outcome' | 'direction' | 'state'>): LampWords {
  if (c.outcome === 'COMPLETED') return { shape: 'talking', tone: 'good', word: t.call.outcomes.COMPLETED };
  if (c.outcome === 'VOICEMAIL') return { shape: 'voicemail', tone: 'warn', word: t.call.outcomes.VOICEMAIL };
  if (isMissed(c))
    return { shape: 'missed', tone: 'bad', word: c.outcome === 'NO_ANSWER' ? t.call.missed : t.call.outcomes[c.outcome ?? 'NO_ANSWER'] };
  return { shape: 'ended', tone: 'off', word: c.outcome ? t.call.outcomes[c.outcome] : t.call.states.ENDED };
}

/** The result of one phone that was rung. */
export function legLamp(leg: Leg): LampWords {
  return lampOf({ state: leg.state, outcome: leg.outcome, direction: leg.parentId === null ? 'INBOUND' : 'OUTBOUND' });
}

export function outcomeTag(d: { label: string; tone: string }): LampWords {
  return { shape: 'label', tone: toneOf(d.tone), word: d.label };
}

/** The visible timer of a call; an hour after its end nobody counts seconds any more. */
export function timerText(c: Pick<Call, 'state' | 'startedAt' | 'answeredAt' | 'endedAt'>, now: number): string {
  const from = timerFrom(c);
  return c.state === 'ENDED' && now - Date.parse(from) > 3_600_000 ? ago(from, now) : elapsed(from, now);
}
