import { describe, expect, it } from 'vitest';
import { ago, clockTime, dayName, elapsed, initials } from './format';
import { plural } from '$lib/i18n/plural';

const now = new Date(2026, 10, 22, 12, 0, 0).getTime();
const before = (ms: number) => new Date(now - ms).toISOString();
const min = 60_000;

describe('format', () => {
  it('counts like a stopwatch, and never below zero', () => {
    expect([0, 7.9, 760, 3723, -5].map(clockTime)).toEqual(['0:00', '0:07', '12:40', '1:02:03', '0:00']);
    expect(elapsed(before(65_000), now)).toBe('1:05');
  });
  it('says how long ago in people’s words', () => {
    expect(ago(before(20_000), now)).toBe('just now');
    expect(ago(before(-30_000), now)).toBe('just now');
    expect(ago(before(3 * min), now)).toBe('3 minutes ago');
    expect(ago(before(3 * 60 * min), now)).toBe('3 hours ago');
    // Yesterday is a day of the calendar, not 24 hours.
    expect(ago(before(13 * 60 * min), now)).toBe('yesterday');
    expect(ago(before(6 * 24 * 60 * min), now)).toBe('6 days ago');
    expect(ago(before(60 * 24 * 60 * min), now)).toMatch(/2026$/);
  });
  it('names days', () => {
    expect(dayName(before(0), now)).toBe('Today');
    expect(dayName(before(24 * 60 * min), now)).toBe('Yesterday');
    expect(dayName(before(5 * 24 * 60 * min), now)).toMatch(/17 November 2026/);
  });
  it('knows one from many', () => {
    expect(plural(1, 'call', 'calls')).toBe('1 call');
    expect(plural(1200, 'call', 'calls')).toBe('1,200 calls');
  });
  it('takes initials from any name', () => {
    expect(initials('Priya Raman')).toBe('PR');
    expect(initials(' Žofie ')).toBe('Ž');
    expect(initials('𝒳 y z')).toBe('𝒳Z');
    expect(initials('')).toBe('');
  });
});
