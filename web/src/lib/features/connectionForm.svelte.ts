import type { Connection, ConnectionChange, OptionField } from '$lib/api/connections.gql';

/** What is typed, as text fields hold it. */
type Typed = { name: string; region: string; skew: string; baseUrl: string; trust: boolean; options: Record<string, string> };

function typedOf(c: Connection, fields: readonly OptionField[]): Typed {
  const set = new Map(c.settings.options.map((o) => [o.name, o.value]));
  return {
    name: c.name,
    region: c.defaultRegion ?? '',
    skew: String(c.settings.clockSkewSeconds),
    baseUrl: c.settings.baseUrl ?? '',
    trust: c.settings.trustForwarded,
    options: Object.fromEntries(fields.map((f) => [f.name, set.get(f.name) ?? f.default]))
  };
}

const blankToNull = (text: string): string | null => text.trim() || null;

/** The settings of a connection while they are changed. Only what differs is sent, so that two people can change different things. */
export class ConnectionForm {
  /** The connection that was looked at when typing began. */
  base = $state.raw<Connection>() as Connection;
  typed = $state<Typed>() as Typed;
  #fields: readonly OptionField[];

  constructor(c: Connection, fields: readonly OptionField[]) {
    this.#fields = fields;
    this.base = c;
    this.typed = typedOf(c, fields);
  }

  /** Forgets what was typed and shows this. */
  adopt(c: Connection): void {
    this.base = c;
    this.typed = typedOf(c, this.#fields);
  }

  /** Shows what a colleague made of it, except where something was typed here. */
  rebase(c: Connection): void {
    const before = typedOf(this.base, this.#fields);
    const theirs = typedOf(c, this.#fields);
    const pick = <T>(mine: T, was: T, now: T): T => (mine === was ? now : mine);
    const { typed } = this;
    this.base = c;
    this.typed = {
      name: pick(typed.name, before.name, theirs.name),
      region: pick(typed.region, before.region, theirs.region),
      skew: pick(typed.skew, before.skew, theirs.skew),
      baseUrl: pick(typed.baseUrl, before.baseUrl, theirs.baseUrl),
      trust: pick(typed.trust, before.trust, theirs.trust),
      options: Object.fromEntries(
        this.#fields.map((f) => [f.name, pick(typed.options[f.name] ?? '', before.options[f.name] ?? '', theirs.options[f.name] ?? '')])
      )
    };
  }

  /** What differs from what was looked at; null when nothing does. */
  get change(): ConnectionChange | null {
    const { base, typed } = this;
    const before = typedOf(base, this.#fields);
    const change: ConnectionChange = {};
    if (typed.name.trim() !== before.name) change.name = blankToNull(typed.name);
    if (typed.region !== before.region) change.defaultRegion = blankToNull(typed.region);
    // What is no whole number is sent as 0, and the server says which are allowed.
    if (typed.skew.trim() !== before.skew) change.clockSkewSeconds = /^\d{1,6}$/.test(typed.skew.trim()) ? Number(typed.skew) : 0;
    if (typed.baseUrl.trim() !== before.baseUrl) change.baseUrl = blankToNull(typed.baseUrl);
    if (typed.trust !== before.trust) change.trustForwarded = typed.trust;
    const options = this.#fields
      .filter((f) => (typed.options[f.name] ?? '').trim() !== before.options[f.name])
      // The default is not stored, so that a better one in a later version is used.
      .map((f) => ({
        name: f.name,
        value: (typed.options[f.name] ?? '').trim() === f.default ? null : blankToNull(typed.options[f.name] ?? '')
      }));
    if (options.length > 0) change.options = options;
    return Object.keys(change).length > 0 ? change : null;
  }
}
