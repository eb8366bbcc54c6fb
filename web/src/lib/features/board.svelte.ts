import type { Call, CallEvent } from '$lib/api/calls.gql';
import { isLive, isRinging } from './call';

/**
 * Every live call the viewer may see, and the viewer's ended calls that still need an outcome, as the server last told it.
 *
 * The stream's first message is always a whole snapshot (also after a reconnect and after a `resync`), so there is no gap between a query
 * and the stream that follows. Two orders are checked: `seq` within the stream, and `version` per call, because the answer to our own
 * mutation travels over HTTP and may arrive before or after the stream's copy of the same change.
 */
export class CallBoard {
  #viewer: () => string | null;
  #calls = $state.raw<ReadonlyMap<string, Call>>(new Map());
  /** Versions of calls that left the board, so that a late copy cannot bring one back. */
  #left = new Map<string, number>();
  #seq = -1;
  #listeners = new Set<(call: Call | null) => void>();

  /** A snapshot has arrived. */
  ready = $state(false);
  /** False from a `resync` until the snapshot that follows it: what is shown may have holes. */
  complete = $state(false);
  /** Counts calls that left the board; lists of past calls load again when it moves. */
  departures = $state(0);

  all = $derived([...this.#calls.values()]);
  /** Calls nobody has taken, the longest waiting first. */
  free = $derived(this.all.filter((c) => isLive(c) && !c.agent).sort(oldestFirst));
  ringing = $derived(this.free.filter(isRinging));
  mine = $derived(this.all.filter((c) => isLive(c) && this.#isMine(c)).sort(oldestFirst));
  colleagues = $derived(this.all.filter((c) => isLive(c) && c.agent && !this.#isMine(c)).sort(oldestFirst));
  needOutcome = $derived(this.all.filter((c) => !isLive(c)).sort(oldestFirst));

  constructor(viewer: () => string | null) {
    this.#viewer = viewer;
  }

  /** Tells `f` of every newer copy of any call, also of those that leave the board; null: anything may have changed (a snapshot). */
  onChange(f: (call: Call | null) => void): () => void {
    this.#listeners.add(f);
    return () => this.#listeners.delete(f);
  }

  get(id: string): Call | undefined {
    return this.#calls.get(id);
  }

  apply(e: CallEvent): void {
    if (e.__typename === 'CallSnapshot') {
      this.#calls = new Map(e.calls.filter((c) => this.#belongs(c)).map((c) => [c.id, c]));
      this.#left.clear();
      this.#seq = e.seq;
      this.ready = true;
      this.complete = true;
      this.departures++;
      this.#listeners.forEach((f) => f(null));
      return;
    }
    if (e.__typename === 'CallResync') {
      this.complete = false;
      return;
    }
    if (!this.ready || e.seq <= this.#seq) return; // before the snapshot, late, or repeated
    this.#seq = e.seq;
    if (e.__typename === 'CallChanged') this.merge(e.call);
    else this.#remove(e.id, this.#calls.get(e.id)?.version ?? 0);
  }

  /** Takes in a newer copy of a call, from the stream or from the answer to a mutation. */
  merge(call: Call): void {
    const known = this.#calls.get(call.id)?.version ?? this.#left.get(call.id);
    if (known !== undefined && call.version < known) return;
    this.#listeners.forEach((f) => f(call));
    if (!this.#belongs(call)) {
      this.#remove(call.id, call.version);
      return;
    }
    if (this.#left.has(call.id) && call.version <= (this.#left.get(call.id) ?? 0)) return;
    this.#left.delete(call.id);
    this.#calls = new Map(this.#calls).set(call.id, call);
  }

  /** A caller was renamed here: every card that shows them follows at once. */
  mergeCaller(caller: Call['caller']): void {
    if (!caller) return;
    const next = new Map(this.#calls);
    for (const [id, call] of next) {
      if (call.caller?.id !== caller.id || call.caller.version > caller.version) continue;
      next.set(id, { ...call, caller, matchLevel: caller.provisional ? call.matchLevel : 'KNOWN' });
    }
    this.#calls = next;
  }

  #remove(id: string, version: number): void {
    this.#left.set(id, version);
    if (!this.#calls.has(id)) {
      this.departures++;
      return;
    }
    const next = new Map(this.#calls);
    next.delete(id);
    this.#calls = next;
    this.departures++;
  }

  #belongs(c: Call): boolean {
    return isLive(c) || (this.#isMine(c) && c.needsDisposition);
  }

  #isMine(c: Call): boolean {
    return c.agent !== null && c.agent.id === this.#viewer();
  }
}

const oldestFirst = (a: Call, b: Call) => a.startedAt.localeCompare(b.startedAt) || a.id.localeCompare(b.id);
