import { print } from '@0no-co/graphql.web';
import type { TadaDocumentNode } from 'gql.tada';
import { createClient, type Client } from 'graphql-ws';
import { ApiError } from './errors';
import { request } from './http';
import { MeQuery } from './session.gql';
import { session } from './session.svelte';

export type LinkStatus = 'connecting' | 'live' | 'reconnecting' | 'offline';

/** The line for live updates, as every page shows it. `since`: when it came into this state, this computer's clock. */
class Link {
  status = $state<LinkStatus>('connecting');
  since = $state(Date.now());
  set(status: LinkStatus): void {
    if (this.status === status) return;
    this.status = status;
    this.since = Date.now();
  }
}
export const link = new Link();

let ws: Client | undefined;

/** 0.5 s, 1 s, 2 s … at most 10 s, ±30 % so that a restarted server is not met by everybody at once. */
export function backOff(attempt: number, random = Math.random()): number {
  return Math.min(10_000, 500 * 2 ** attempt) * (0.7 + random * 0.6);
}

function client(): Client {
  if (ws) return ws;
  let socket: WebSocket | undefined;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  let wake: (() => void) | undefined;
  let failures = 0;
  addEventListener('online', () => wake?.());
  addEventListener('offline', () => {
    link.set('offline');
    socket?.close(4499, 'offline');
  });
  ws = createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    // The default of 5 would leave the page dead after half a minute.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    keepAlive: 10_000,
    connectionAckWaitTimeout: 8_000,
    retryWait: (n) =>
      new Promise((done) => {
        const t = setTimeout(done, backOff(n));
        wake = () => {
          clearTimeout(t);
          done();
        };
      }),
    on: {
      connected: (s) => {
        socket = s as WebSocket;
        failures = 0;
        link.set('live');
      },
      closed: () => {
        clearTimeout(pongTimer);
        link.set(navigator.onLine ? 'reconnecting' : 'offline');
        // A refused upgrade looks the same as a dead network (1006), so ask over HTTP now and then whether the session is gone.
        if (failures++ % 3 === 1) void request(MeQuery).catch(() => {});
      },
      // The library never closes a half-open socket by itself: no pong in 5 s means the line is dead.
      ping: (received) => {
        if (received) return;
        clearTimeout(pongTimer);
        pongTimer = setTimeout(() => socket?.readyState === WebSocket.OPEN && socket.close(4408, 'No pong'), 5_000);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      }
    }
  });
  return ws;
}

/**
 * A subscription that lives until it is disposed. The library opens it again after a dropped socket, but not when the server ends the
 * stream itself (a restart, a slow reader that lagged) or closes with 4401 (the session ended): both would leave a screen silently frozen.
 */
export function subscribe<R, V extends Record<string, unknown>>(
  doc: TadaDocumentNode<R, V>,
  variables: V,
  next: (data: R) => void,
  problem: (error: ApiError | null) => void
): () => void {
  let stopped = false;
  let stop = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  const again = () => {
    if (!stopped) timer = setTimeout(start, backOff(failures++));
  };
  const start = () => {
    stop = client().subscribe<R>(
      { query: print(doc), variables },
      {
        next: (r) => {
          if (r.data) {
            failures = 0;
            problem(null);
            next(r.data);
          } else {
            const first = r.errors?.[0];
            problem(first ? ApiError.fromGraphQL(first) : new ApiError('INTERNAL'));
          }
        },
        error: (e) => {
          if (Array.isArray(e)) {
            const first = e[0] as { message: string; extensions?: { code?: string } } | undefined;
            problem(first ? ApiError.fromGraphQL(first) : new ApiError('INTERNAL'));
            if (first?.extensions?.code === 'FORBIDDEN') return;
          }
          // 4401: renew and open again; when that fails the session dialog is up, and its sign-in makes the next try work.
          void session.renew(Date.now() - 1000).then(again, again);
        },
        complete: again
      }
    );
  };
  start();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
