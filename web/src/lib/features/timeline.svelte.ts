import { request } from '$lib/api/http';
import { CallerCallsQuery, CallerNotesQuery } from '$lib/api/callers.gql';
import type { Call, Note } from '$lib/api/calls.gql';
import { Pages, type LoadState } from './pages.svelte';

export type TimelineItem =
  { kind: 'call'; id: string; at: string; call: Call; notes: readonly Note[] } | { kind: 'note'; id: string; at: string; note: Note };

type Source = { items: readonly { at: string }[]; hasMore: boolean };

/**
 * The time before which the merged list may have holes: the oldest loaded item of a source that has more. Null: everything is here.
 * Showing anything older would put an item in the list now and others above it later.
 */
export function horizon(sources: readonly Source[]): string | null {
  const ends = sources.filter((s) => s.hasMore && s.items.length > 0).map((s) => s.items[s.items.length - 1]?.at ?? '');
  return ends.length === 0 ? null : ends.reduce((a, b) => (a > b ? a : b));
}

/**
 * Calls with the notes written on them, and notes on the caller alone, newest first. A note stands with its call: while the call is not
 * loaded but may still come (`moreCalls`), the note waits for it; when it will not come, the note stands alone.
 */
export function merge(calls: readonly Call[], notes: readonly Note[], until: string | null, moreCalls = false): TimelineItem[] {
  const loaded = new Set(calls.map((c) => c.id));
  const shown = calls.filter((c) => until === null || c.startedAt >= until);
  const items: TimelineItem[] = shown.map((call) => ({
    kind: 'call',
    id: call.id,
    at: call.startedAt,
    call,
    notes: notes.filter((n) => n.interactionId === call.id).sort((a, b) => a.createdAt.localeCompare(b.createdAt))
  }));
  for (const note of notes) {
    if (note.interactionId !== null && (loaded.has(note.interactionId) || moreCalls)) continue;
    if (until !== null && note.createdAt < until) continue;
    items.push({ kind: 'note', id: note.id, at: note.createdAt, note });
  }
  return items.sort((a, b) => b.at.localeCompare(a.at) || b.id.localeCompare(a.id));
}

/** What happened with one caller: two keyset-paged lists, read as one. */
export class Timeline {
  calls: Pages<Call>;
  notes: Pages<Note>;
  #except: () => string | null;

  /** `except`: a call to leave out, because it is on the screen already. */
  constructor(callerId: string, pageSize: number, mayReadNotes: boolean, except: () => string | null = () => null) {
    this.#except = except;
    const vars = (after: string | null) => ({ id: callerId, first: pageSize, after });
    this.calls = new Pages(async (after) => (await request(CallerCallsQuery, vars(after))).caller?.interactions ?? null);
    this.notes = new Pages(async (after) =>
      !mayReadNotes ? null : ((await request(CallerNotesQuery, vars(after))).caller?.notes ?? null)
    );
  }

  state = $derived.by((): LoadState => {
    const states = [this.calls.state, this.notes.state];
    return states.includes('failed') ? 'failed' : states.includes('loading') ? 'loading' : 'ready';
  });
  error = $derived.by(() => this.calls.error ?? this.notes.error);
  hasMore = $derived.by(() => this.calls.hasMore || this.notes.hasMore);
  more = $derived.by(() => this.calls.more || this.notes.more);
  items = $derived.by(() => {
    const skip = this.#except();
    return merge(this.calls.items, this.notes.items, this.#horizon(), this.calls.hasMore).filter(
      (i) => !(i.kind === 'call' && i.id === skip) && !(i.kind === 'note' && i.note.interactionId === skip && skip !== null)
    );
  });
  /** The call before the one on the screen. */
  previous = $derived.by(() => this.calls.items.find((c) => c.id !== this.#except()) ?? null);

  #horizon(): string | null {
    return horizon([
      { items: this.calls.items.map((c) => ({ at: c.startedAt })), hasMore: this.calls.hasMore },
      { items: this.notes.items.map((n) => ({ at: n.createdAt })), hasMore: this.notes.hasMore }
    ]);
  }

  async reset(): Promise<void> {
    await Promise.all([this.calls.reset(), this.notes.reset()]);
    await this.#cover();
  }

  /** Loads the next page of whichever list ends at the horizon, so that the visible list grows. */
  async older(): Promise<void> {
    const h = this.#horizon();
    const jobs: Promise<void>[] = [];
    if (this.calls.hasMore && this.calls.items.at(-1)?.startedAt === h) jobs.push(this.calls.next());
    if (this.notes.hasMore && this.notes.items.at(-1)?.createdAt === h) jobs.push(this.notes.next());
    await Promise.all(jobs);
    await this.#cover();
  }

  /**
   * Loads notes until they reach back to the oldest call that is loaded. Several notes are often written on one call; without this they
   * would push the calls themselves behind the horizon. At most five pages: somebody with more has "Show older".
   */
  async #cover(): Promise<void> {
    for (let page = 0; page < 5; page++) {
      const [call, note] = [this.calls.items.at(-1), this.notes.items.at(-1)];
      if (!call || !note || !this.notes.hasMore || this.notes.error || note.createdAt <= call.startedAt) return;
      await this.notes.next();
    }
  }
}
