import { describe, expect, it } from 'vitest';
import { en } from '$lib/i18n/en';
import {
  addCommand,
  askedSecrets,
  countries,
  findProviders,
  isMonitoring,
  monitorWords,
  pathPart,
  pieces,
  sentence
} from './connectionWords';

const now = Date.parse('2026-01-01T12:00:00Z');
const secret = (name: string, required = false, previous: string | null = null) => ({ name, required, previous, description: '' });
const all = Object.keys(en.connections.about).map((key) => ({ key, title: key }));

describe('finding a provider', () => {
  const keys = (typed: string) => findProviders(all, typed).map((p) => p.key);
  it('shows all of them first', () => expect(keys('  ')).toHaveLength(13));
  it.each([
    ['freepbx', 'asterisk'],
    ['AWS', 'amazon-connect'],
    ['nexmo', 'vonage'],
    ['ring central', 'ringcentral'],
    ['fritz', 'generic'],
    ['zapier', 'generic'],
    ['fusionpbx', 'freeswitch'],
    ['call centre amazon', 'amazon-connect']
  ])('knows it as %s', (typed, key) => expect(keys(typed)).toEqual([key]));
  it('finds one without words here by its name', () =>
    expect(findProviders([{ key: 'new-one', title: 'New One' }], 'one')).toHaveLength(1));
  it('finds none for what is none', () => expect(keys('pigeon post')).toEqual([]));
});

describe('monitor mode', () => {
  const monitor = { active: true, since: null, until: '2026-01-01T13:00:00Z', wouldBeRefused: 0, lastReason: null, lastAt: null };
  it('ends by the clock', () => {
    expect(isMonitoring({ monitor }, now)).toBe(true);
    expect(isMonitoring({ monitor }, now + 3_600_000)).toBe(false);
    expect(isMonitoring({ monitor: { ...monitor, active: false } }, now)).toBe(false);
  });
  it('says what it let in, and why that is wrong', () => {
    expect(monitorWords(monitor, now)).toBe('So far nothing would have been refused.');
    const some = { ...monitor, wouldBeRefused: 3, lastReason: 'bad_signature', lastAt: '2026-01-01T11:58:00Z' };
    expect(monitorWords(some, now)).toBe(
      '3 requests would have been refused; the last one 2 minutes ago, because its signature does not match the secret or the address.'
    );
    expect(monitorWords({ ...monitor, wouldBeRefused: 1 }, now)).toBe('1 request would have been refused.');
    expect(monitorWords({ ...some, lastReason: 'moon_phase' }, now)).toContain('because Moon phase.');
  });
});

describe('commands', () => {
  it('ask for what is needed, else for the first', () => {
    const secretFields = [secret('username', true, 'username_previous'), secret('username_previous'), secret('password', true)];
    expect(addCommand({ key: 'bandwidth', secretFields })).toBe('switchboard connection add bandwidth --set username=… --set password=…');
    expect(addCommand({ key: 'twilio', secretFields: [secret('auth_token'), secret('shared_key_id')] })).toBe(
      'switchboard connection add twilio --set auth_token=…'
    );
    expect(askedSecrets(secretFields).map((f) => f.name)).toEqual(['username', 'password']);
  });
  it('name a connection by its part of the addresses', () => {
    expect(pathPart({ provider: 'twilio', slug: 'default' })).toBe('twilio');
    expect(pathPart({ provider: 'twilio', slug: 'berlin' })).toBe('twilio.berlin');
  });
});

describe('what the server says', () => {
  it('becomes a sentence', () => {
    expect(sentence('the primary Auth Token')).toBe('The primary Auth Token.');
    expect(sentence('Already one.')).toBe('Already one.');
    // A name in small letters stays one.
    expect(sentence('whsec_ and 24 bytes')).toBe('whsec_ and 24 bytes.');
  });
  it('shows code and emphasis, and leaves the rest', () => {
    expect(pieces('Paste the `status` URL as *Call status changes*, 2 * 3 * 4.')).toEqual([
      { kind: 'text', text: 'Paste the ' },
      { kind: 'code', text: 'status' },
      { kind: 'text', text: ' URL as ' },
      { kind: 'strong', text: 'Call status changes' },
      { kind: 'text', text: ', 2 * 3 * 4.' }
    ]);
    expect(pieces('`<Dial>` **now**')).toEqual([
      { kind: 'code', text: '<Dial>' },
      { kind: 'text', text: ' ' },
      { kind: 'strong', text: 'now' }
    ]);
    expect(pieces('`a/*/b` and `c/*/d`').filter((p) => p.kind === 'strong')).toEqual([]);
  });
});

describe('countries', () => {
  it('are countries, by name', () => {
    const codes = countries().map((c) => c.code);
    expect(codes.length).toBeGreaterThan(200);
    expect(codes).toEqual(expect.arrayContaining(['DE', 'GB', 'US', 'XK']));
    for (const none of ['EU', 'UN', 'ZZ', 'SU', 'UK', 'XA']) expect(codes).not.toContain(none);
    expect(countries()[0]?.name).toBe('Afghanistan');
  });
});
