import { ApiError } from '$lib/api/errors';
import { request } from '$lib/api/http';
import { link, subscribe } from '$lib/api/live.svelte';
import { serverClock } from '$lib/api/clock.svelte';
import { session } from '$lib/api/session.svelte';
import {
  AddNote,
  CallActivity,
  CallsQuery,
  DispositionsQuery,
  SetDisposition,
  TakeCall,
  type Call,
  type Disposition
} from '$lib/api/calls.gql';
import { UpdateCaller } from '$lib/api/callers.gql';
import { CallBoard } from './board.svelte';
import { isLive } from './call';
import { retryDrafts } from './draft.svelte';
import { OnceKey } from './once';
import { Pages } from './pages.svelte';

/** A call somebody else took a moment before us: shown where the card was, until read. */
export type Lost = { call: Call; takenBy: string | null };

/** A call that ended this long ago is still being finished when the page is loaded again. */
const FRESH_MS = 10 * 60_000;

/**
 * Which call is in hand: the one taken or opened last, as long as it is on the desk; but a live call comes before one that only waits for
 * its outcome (its note is kept), and stays in hand when it ends.
 */
export function inHand(
  mine: readonly Call[],
  needOutcome: readonly Call[],
  pinned: string | null,
  fresh: (c: Call) => boolean
): Call | null {
  const chosen = [...mine, ...needOutcome].find((c) => c.id === pinned);
  if (chosen && (isLive(chosen) || mine.length === 0)) return chosen;
  return mine.at(-1) ?? needOutcome.findLast(fresh) ?? null;
}

/** The agent's own desk: live calls, the call in hand, what needs an outcome, what was before. */
class Desk {
  board = new CallBoard(() => session.me?.id ?? null);
  /** Why there are no live updates, when the server refused them. */
  problem = $state.raw<ApiError | null>(null);
  dispositions = $state.raw<readonly Disposition[]>([]);
  dispositionsError = $state.raw<ApiError | null>(null);
  recent = new Pages<Call>(async (after) => (await request(CallsQuery, { first: 8, after, filter: { state: 'ENDED' } })).interactions);
  lost = $state.raw<readonly Lost[]>([]);
  /** The call being taken right now. */
  taking = $state<string | null>(null);
  takeError = $state.raw<{ id: string; error: ApiError } | null>(null);
  /** The call taken here a moment ago, until its note box has the cursor. */
  justTaken = $state<string | null>(null);
  #pinned = $state<string | null>(null);
  #finishKeys = new Map<string, OnceKey>();

  /**
   * The call in hand. An old call that nobody opened waits in its list: the desk is free for the next one that rings.
   */
  current = $derived.by((): Call | null =>
    inHand(this.board.mine, this.board.needOutcome, this.#pinned, (c) => serverClock.now - Date.parse(c.endedAt ?? c.startedAt) < FRESH_MS)
  );

  /** Opens the live line; returns what closes it. */
  start(): () => void {
    void this.loadDispositions();
    const stop = subscribe(
      CallActivity,
      {},
      ({ callActivity: e }) => {
        if (e.__typename === 'CallSnapshot') serverClock.set(e.serverTime);
        this.board.apply(e);
        if (e.__typename === 'CallSnapshot') void this.#backOnLine();
      },
      (error) => (this.problem = error)
    );
    const retry = setInterval(() => link.status === 'live' && void retryDrafts(), 5_000);
    return () => {
      stop();
      clearInterval(retry);
    };
  }

  async #backOnLine(): Promise<void> {
    if (this.dispositions.length === 0) void this.loadDispositions();
    await retryDrafts();
  }

  async loadDispositions(): Promise<void> {
    try {
      const { dispositions } = await request(DispositionsQuery);
      this.dispositions = [...dispositions].sort((a, b) => a.position - b.position);
      this.dispositionsError = null;
    } catch (e) {
      this.dispositionsError = ApiError.from(e);
    }
  }

  /** Puts a call in hand. */
  open(id: string): void {
    this.#pinned = id;
  }

  /** Takes a call; of two people only one gets it. True: it is ours. */
  async take(call: Call): Promise<boolean> {
    if (this.taking) return false;
    this.taking = call.id;
    this.takeError = null;
    try {
      const { takeCall } = await request(TakeCall, { input: { interactionId: call.id } });
      this.#pinned = call.id;
      this.justTaken = call.id;
      this.board.merge(takeCall.interaction);
      return true;
    } catch (e) {
      const error = ApiError.from(e);
      if (error.code === 'CONFLICT') this.lost = [...this.lost.filter((l) => l.call.id !== call.id), { call, takenBy: error.takenBy }];
      else this.takeError = { id: call.id, error };
      return false;
    } finally {
      this.taking = null;
    }
  }

  dismissLost(id: string): void {
    this.lost = this.lost.filter((l) => l.call.id !== id);
  }

  /** Stores a note on a call; answers when it was stored. */
  async addNote(callId: string, body: string, idempotencyKey: string): Promise<string> {
    return (await request(AddNote, { input: { interactionId: callId, body, idempotencyKey } })).addNote.note.createdAt;
  }

  /** Stores how a call ended, with the note, in one step. Sending again is safe. */
  async finish(callId: string, dispositionId: string, note: string | null): Promise<void> {
    const once = this.#finishKeys.get(callId) ?? new OnceKey();
    this.#finishKeys.set(callId, once);
    const idempotencyKey = once.for(JSON.stringify([dispositionId, note]));
    const { setDisposition } = await request(SetDisposition, { input: { interactionId: callId, dispositionId, note, idempotencyKey } });
    this.#finishKeys.delete(callId);
    if (this.#pinned === callId) this.#pinned = null;
    this.board.merge(setDisposition.interaction);
  }

  /** Gives the person behind a new number a name. */
  async nameCaller(call: Call, name: string): Promise<void> {
    if (!call.caller) return;
    const { updateCaller } = await request(UpdateCaller, { input: { id: call.caller.id, version: call.caller.version, name } });
    this.board.mergeCaller(updateCaller.caller);
  }
}

export const desk = new Desk();
