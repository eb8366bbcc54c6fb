import type { Call, Note } from '$lib/api/calls.gql';
import type { Connection } from '$lib/api/connections.gql';

/** Samples for unit tests. Numbers are from the range kept for fiction. */
export const me = { id: 'me', name: 'Sam Rivera' };
export const other = { id: 'other', name: 'Grace Okafor' };

export function aCall(id: string, change: Partial<Call> = {}): Call {
  return {
    id,
    version: 1,
    connectionName: 'Twilio',
    isPractice: false,
    direction: 'INBOUND',
    state: 'RINGING',
    outcome: null,
    matchLevel: 'KNOWN',
    startedAt: '2026-01-01T10:00:00Z',
    answeredAt: null,
    endedAt: null,
    talkSeconds: null,
    durationSeconds: null,
    needsDisposition: false,
    dispositionSetAt: null,
    from: { kind: 'PSTN', display: '+1 202-555-0143', e164: '+12025550143', masked: false, name: null },
    to: { kind: 'PSTN', display: '+1 415-555-0100', e164: '+14155550100', masked: false, name: null },
    agent: null,
    disposition: null,
    caller: {
      id: 'caller',
      version: 1,
      name: null,
      displayName: '+1 202-555-0143',
      company: null,
      provisional: true,
      callCount: 1,
      lastCallAt: null,
      lastDisposition: null
    },
    ...change
  };
}

export function aNote(id: string, createdAt: string, interactionId: string | null = null): Note {
  return { id, body: `note ${id}`, createdAt, interactionId, callerId: null, author: other };
}

export function aConnection(change: Partial<Connection> = {}): Connection {
  return {
    id: 'c',
    version: 1,
    provider: 'twilio',
    name: 'Twilio',
    slug: 'default',
    defaultRegion: null,
    advice: null,
    isPractice: false,
    lastDeliveryAt: null,
    createdAt: '2026-01-01T10:00:00Z',
    hookUrls: [{ purpose: 'voice', url: 'https://crm.example/hooks/twilio/voice#rp=4xx,5xx,ct,rt' }],
    settings: { clockSkewSeconds: 300, baseUrl: null, trustForwarded: false, options: [], answers: [] },
    secrets: [{ name: 'auth_token', set: true, previousValid: false }],
    monitor: { active: false, since: null, until: null, wouldBeRefused: 0, lastReason: null, lastAt: null },
    ...change
  };
}
