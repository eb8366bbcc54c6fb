import type { Connection, Provider } from '$lib/api/connections.gql';
import { t } from '$lib/i18n';
import { ago, dateTime } from '$lib/ui/format';
import { humanise } from './auditWords';

export const purposeWords = (purpose: string): string =>
  t.connections.purposes[purpose] ?? (purpose ? humanise(purpose) : t.connections.anyPurpose);
export const secretWords = (name: string): string => t.connections.secretNames[name] ?? humanise(name);
export const optionWords = (name: string): string => t.connections.optionNames[name] ?? humanise(name);

/** A sentence of the server's, which may begin small and end without a full stop because it also stands in lists. */
export function sentence(text: string): string {
  const s = text.trim();
  const first = /^[a-z][a-z'-]*(\s|,|$)/.test(s) ? s.charAt(0).toUpperCase() + s.slice(1) : s;
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** "Twilio", or "Twilio · berlin" for one of several. */
export const whichConnection = (c: Pick<Connection, 'slug'>, title: string): string =>
  c.slug === 'default' ? title : [title, c.slug].join(t.app.dot);

/** Providers whose name, or what people call what they have, holds every word that was typed. */
export function findProviders<P extends Pick<Provider, 'key' | 'title'>>(providers: readonly P[], typed: string): P[] {
  const words = typed.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const text = (p: P) =>
    `${p.key} ${p.title} ${t.connections.about[p.key] ?? ''} ${t.connections.alsoCalled[p.key] ?? ''}`.toLocaleLowerCase();
  return providers.filter((p) => words.every((w) => text(p).includes(w)));
}

/** Does monitor mode last at this moment? Its end needs no news from the server. */
export const isMonitoring = (c: Pick<Connection, 'monitor'>, now: number): boolean =>
  c.monitor.active && (c.monitor.until === null || Date.parse(c.monitor.until) > now);

/** What monitor mode has let in, in one sentence. */
export function monitorWords(m: Connection['monitor'], now: number): string {
  if (m.wouldBeRefused === 0) return t.connections.monitor.nothing;
  const why = m.lastReason ? (t.connections.monitor.reasons[m.lastReason] ?? humanise(m.lastReason)) : null;
  return t.connections.monitor.refused(m.wouldBeRefused, why, m.lastAt ? ago(m.lastAt, now) : null);
}

export const monitorUntil = (m: Connection['monitor']): string =>
  m.until ? t.connections.monitor.on(dateTime(m.until)) : t.connections.monitor.onNoEnd;

/** The secrets to ask for: those that keep a replaced value are the program's business. */
export function askedSecrets<F extends { name: string; previous: string | null }>(fields: readonly F[]): F[] {
  const kept = new Set(fields.map((f) => f.previous));
  return fields.filter((f) => !kept.has(f.name));
}

/** What to run on the server to connect this provider: with the secrets it cannot do without, or else the first one. */
export function addCommand(provider: Pick<Provider, 'key' | 'secretFields'>): string {
  const asked = askedSecrets(provider.secretFields);
  const needed = asked.filter((f) => f.required);
  const sets = (needed.length > 0 ? needed : asked.slice(0, 1)).map((f) => `--set ${f.name}=…`);
  return ['switchboard connection add', provider.key, ...sets].join(' ');
}

/** The connection's part of the addresses, by which commands name it. */
export const pathPart = (c: Pick<Connection, 'provider' | 'slug'>): string =>
  c.slug === 'default' ? c.provider : `${c.provider}.${c.slug}`;

export type Piece = { kind: 'text' | 'code' | 'strong'; text: string };

/** The little Markdown of the catalogue of providers: `code`, *emphasis*, **emphasis**. Anything else is text. */
export function pieces(markdown: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const m of markdown.matchAll(/`([^`]+)`|\*\*([^*]+)\*\*|\*(\S(?:[^*]*\S)?)\*/g)) {
    if (m.index > at) out.push({ kind: 'text', text: markdown.slice(at, m.index) });
    const code = m[1];
    out.push(code === undefined ? { kind: 'strong', text: m[2] ?? m[3] ?? '' } : { kind: 'code', text: code });
    at = m.index + m[0].length;
  }
  if (at < markdown.length) out.push({ kind: 'text', text: markdown.slice(at) });
  return out;
}

type Region = { code: string; name: string };
let regions: readonly Region[] | undefined;
/** Countries by name, from what the browser knows. */
export function countries(): readonly Region[] {
  if (regions) return regions;
  const locale = document.documentElement.lang || 'en-GB';
  const names = new Intl.DisplayNames(locale, { type: 'region', fallback: 'none' });
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  // Not countries: made-up codes, the world, unions.
  const not = new Set(['ZZ', 'EU', 'EZ', 'UN', 'QO', 'XA', 'XB']);
  const found: Region[] = [];
  for (const code of letters.flatMap((a) => letters.map((b) => a + b))) {
    const name = not.has(code) ? undefined : names.of(code);
    // A country that is no more is known by the code of the one that followed it.
    if (name && new Intl.Locale(`und-${code}`).region === code) found.push({ code, name });
  }
  regions = found.sort((a, b) => a.name.localeCompare(b.name, locale));
  return regions;
}
