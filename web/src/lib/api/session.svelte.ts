import { ApiError } from './errors';
import { send, setRenewal } from './http';
import { Login, Logout, MeQuery, Refresh, type Me } from './session.gql';
import { serverClock } from './clock.svelte';

export type SessionStatus =
  /** asking the server who we are */
  | 'starting'
  | 'in'
  /** nobody is signed in: the sign-in page */
  | 'out'
  /** it ended while someone was working: a dialog over the page, so that nothing is lost */
  | 'ended'
  /** the server could not be asked */
  | 'unreachable';

const UNTIL = 'sb:session-until';
const RENEWED = 'sb:session-renewed';
/** Renew this long before the access cookie ends. */
const EARLY_MS = 60_000;
/** Used when nobody told us when the cookie ends (the page was reloaded in a new browser profile). */
const UNKNOWN_MS = 5 * 60_000;

/** Only one tab may use the refresh cookie at a time: using a rotated one twice looks like theft to the server and ends the session. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request('sb-session', work) : work();
}

/**
 * Who is signed in. The cookies are HttpOnly; this page knows only when they end. Times and nothing else are kept in `localStorage`, so
 * that tabs do not renew one after the other.
 */
class Session {
  status = $state<SessionStatus>('starting');
  me = $state.raw<Me | null>(null);
  #renewal: Promise<boolean> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #starting: Promise<void> | null = null;
  #channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('sb-session');

  constructor() {
    setRenewal((sentAt) => this.renew(sentAt));
    if (this.#channel) this.#channel.onmessage = () => location.assign('/login');
    addEventListener('visibilitychange', () => {
      // Timers sleep with the computer. Catch up as soon as someone looks.
      if (document.visibilityState === 'visible' && this.status === 'in' && this.#due() <= 0) void this.#renewQuietly();
    });
  }

  /** Asks the server who we are, once; later calls wait for the same answer. */
  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      if (this.status === 'unreachable') this.#starting = null;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const sentAt = Date.now();
    try {
      this.#enter((await send(MeQuery)).me);
      return;
    } catch (e) {
      const error = ApiError.from(e);
      if (error.code !== 'SIGNED_OUT' && error.code !== 'UNAUTHENTICATED') {
        this.status = 'unreachable';
        return;
      }
    }
    try {
      if (!(await this.renew(sentAt))) this.status = 'out';
      else if (this.me === null) this.#enter((await send(MeQuery)).me);
    } catch {
      this.status = 'unreachable';
    }
  }

  async login(email: string, password: string): Promise<void> {
    const { login } = await send(Login, { input: { email, password } });
    if (this.me && this.me.id !== login.me.id) {
      // Somebody else: nothing of the page before may stay in memory.
      sessionStorage.clear();
      this.#remember(login.expiresAt);
      location.assign('/');
      return;
    }
    this.#remember(login.expiresAt);
    this.#enter(login.me);
  }

  async logout(everywhere: boolean): Promise<void> {
    await send(Logout, { everywhere });
    sessionStorage.clear();
    localStorage.removeItem(UNTIL);
    localStorage.removeItem(RENEWED);
    this.#channel?.postMessage('out');
    location.assign('/login');
  }

  /**
   * Renews the cookies if nobody has since `sentAt`. False: the session is over. Throws when the server could not be asked.
   */
  renew(sentAt: number): Promise<boolean> {
    this.#renewal ??= exclusively(async () => {
      if (Number(localStorage.getItem(RENEWED) ?? 0) > sentAt) return true; // another tab did, while we waited for the lock
      try {
        const { refresh } = await send(Refresh);
        this.#remember(refresh.expiresAt);
        this.#enter(refresh.me);
        return true;
      } catch (e) {
        const error = ApiError.from(e);
        if (error.code === 'NETWORK' || error.code === 'UNAVAILABLE') throw error;
        this.status = this.me ? 'ended' : 'out';
        clearTimeout(this.#timer);
        return false;
      }
    }).finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  #enter(me: Me): void {
    serverClock.set(me.serverTime);
    this.me = me;
    this.status = 'in';
    this.#schedule();
  }

  #remember(expiresAt: string): void {
    localStorage.setItem(UNTIL, String(Date.parse(expiresAt) - serverClock.skew));
    localStorage.setItem(RENEWED, String(Date.now()));
  }

  /** Milliseconds until the next renewal is due. */
  #due(): number {
    const until = Number(localStorage.getItem(UNTIL) ?? 0);
    return until > 0 ? until - EARLY_MS - Date.now() : UNKNOWN_MS;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renewQuietly(), Math.max(this.#due(), 5_000));
  }

  async #renewQuietly(): Promise<void> {
    // Another tab may have done it since this timer was set.
    if (this.#due() > 0) return this.#schedule();
    try {
      await this.renew(Date.now());
    } catch {
      this.#schedule(); // the server is away: try again, the link banner says so
    }
  }
}

export const session = new Session();
