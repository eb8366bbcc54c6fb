/** Dates and times in the reader's language and time zone. `now` is the server's time in ms. */
import { t } from '$lib/i18n';

const locale = () => document.documentElement.lang || 'en-GB';
const cache = new Map<string, Intl.DateTimeFormat>();
function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale() + JSON.stringify(options);
  const known = cache.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(locale(), options);
  cache.set(key, made);
  return made;
}

/** 14:03 */
export const time = (iso: string): string => formatter({ hour: '2-digit', minute: '2-digit' }).format(new Date(iso));
/** 22 Nov 2026, 14:03 */
export const dateTime = (iso: string): string => formatter({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
/** 22 Nov 2026, 14:03:27, for the audit record */
export const exactTime = (iso: string): string => formatter({ dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso));
const day = (iso: string): string => formatter({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(iso));

/** A key that is the same for two instants of one local day. */
export const dayKey = (iso: string): string => formatter({ year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date(iso));

const startOfDay = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);
/** Days between two instants in the reader's calendar; a day with a clock change counts as one. */
function daysApart(iso: string, now: number): number {
  return Math.round((startOfDay(Date.parse(iso)) - startOfDay(now)) / 86_400_000);
}
const relative = () => new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
const capital = (s: string) => s.charAt(0).toLocaleUpperCase(locale()) + s.slice(1);

/** Today, Yesterday, or the date. */
export function dayName(iso: string, now: number): string {
  const days = daysApart(iso, now);
  return days === 0 || days === -1 ? capital(relative().format(days, 'day')) : day(iso);
}
/** "3 minutes ago", "yesterday", and a date when it is older than a month. */
export function ago(iso: string, now: number): string {
  const mins = Math.round((Date.parse(iso) - now) / 60_000);
  if (mins >= 0) return t.app.justNow; // a clock a little ahead is not "in 3 seconds"
  if (mins > -60) return relative().format(mins, 'minute');
  const days = daysApart(iso, now);
  if (days === 0) return relative().format(Math.round(mins / 60), 'hour');
  return Math.abs(days) <= 30 ? relative().format(days, 'day') : formatter({ dateStyle: 'medium' }).format(new Date(iso));
}

/** 0:07, 12:40, 1:02:03 */
export function clockTime(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const h = Math.floor(s / 3600);
  const m = Math.floor((s % 3600) / 60);
  const sec = String(s % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${sec}` : `${m}:${sec}`;
}
export const elapsed = (sinceIso: string, now: number): string => clockTime((now - Date.parse(sinceIso)) / 1000);

/** Initials for a decorative avatar. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((w) => [...(w ?? '')][0] ?? '')
    .join('')
    .toLocaleUpperCase(locale());
}
