import type { Connection } from '$lib/api/connections.gql';
import { desk } from './desk.svelte';

/** After a call moved on the live line: the request that moved it is counted a moment later, and calls may move many times a second. */
const NEWS_MS = 500;
/** While somebody waits for the first request, and otherwise. */
const WAITING_MS = 2_500;
const IDLE_MS = 15_000;

/**
 * Keeps connections fresh while they are looked at: soon while one waits for its first request or monitor mode counts, else now and then,
 * and at once when a call moves on the live line meanwhile. Returns what stops it.
 */
export function follow(connections: () => readonly Connection[], reload: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const eager = () => connections().some((c) => !c.isPractice && (c.lastDeliveryAt === null || c.monitor.active));
  let soon = false;
  const later = (ms: number) => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(look, ms);
  };
  const look = async () => {
    soon = false;
    if (document.visibilityState === 'visible') await reload();
    if (!soon) later(eager() ? WAITING_MS : IDLE_MS);
  };
  const seen = () => document.visibilityState === 'visible' && void look();
  document.addEventListener('visibilitychange', seen);
  const leave = desk.board.onChange(() => {
    if (soon || !eager()) return;
    soon = true;
    later(NEWS_MS);
  });
  later(eager() ? WAITING_MS : IDLE_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', seen);
    leave();
  };
}

/** Remembers which connections had nothing yet when the page was opened: their first request is the test call. */
export class FirstArrivals {
  #waited = new Set<string>();
  note(connections: readonly Connection[]): void {
    for (const c of connections) if (c.lastDeliveryAt === null) this.#waited.add(c.id);
  }
  fresh(c: Connection): boolean {
    return c.lastDeliveryAt !== null && this.#waited.has(c.id);
  }
}
