import { ApiError } from '$lib/api/errors';
import { OnceKey } from './once';

export type DraftState =
  /** nothing typed */
  | 'empty'
  /** typed, in this tab's storage, not sent */
  | 'kept'
  | 'saving'
  | 'saved'
  /** sending failed for want of a connection; it is sent again when the line is back */
  | 'waiting'
  /** the server refused it; the text stays */
  | 'refused';

type Stored = { text: string; once: { text: string; key: string } | null };

/**
 * A note being written. It lives in this tab's `sessionStorage` until the server has it, so that a reload, a crash of the page, or an
 * ended session loses nothing; it is removed when saved and at sign-out (shared computers).
 */
export class NoteDraft {
  text = $state('');
  state = $state<DraftState>('empty');
  savedAt = $state<string | null>(null);
  error = $state.raw<ApiError | null>(null);
  #once = new OnceKey();
  #key: string;
  #storage: Storage;
  #deliver: ((body: string, key: string) => Promise<string>) | null = null;

  constructor(subject: string, storage: Storage = sessionStorage) {
    this.#key = `sb:note:${subject}`;
    this.#storage = storage;
    const stored = this.#read();
    if (stored) {
      this.text = stored.text;
      this.#once.state = stored.once;
      this.state = 'kept';
    }
  }

  /** The text as it will be sent; null when there is nothing but space. */
  get body(): string | null {
    return this.text.trim() === '' ? null : this.text.trim();
  }

  write(text: string): void {
    this.text = text;
    this.error = null;
    this.state = text === '' ? 'empty' : 'kept';
    this.#store();
  }

  /** Sends the note with `deliver(body, idempotencyKey)`, which returns when it was stored. False: it stays here. */
  async send(deliver: (body: string, key: string) => Promise<string>): Promise<boolean> {
    const body = this.body;
    if (body === null || this.state === 'saving') return false;
    this.#deliver = deliver;
    const sent = this.text;
    const key = this.#once.for(body);
    this.#store();
    this.state = 'saving';
    this.error = null;
    try {
      this.savedAt = await deliver(body, key);
    } catch (e) {
      this.error = ApiError.from(e);
      this.state = this.error.code === 'NETWORK' || this.error.code === 'UNAVAILABLE' ? 'waiting' : 'refused';
      return false;
    }
    this.#once.clear();
    if (this.text === sent) {
      this.clear();
      this.state = 'saved';
    } else {
      // Typed on while it was being sent: what came after is a new draft.
      this.text = this.text.startsWith(sent) ? this.text.slice(sent.length).trimStart() : this.text;
      this.state = 'kept';
      this.#store();
    }
    return true;
  }

  /** Sends again what could not be sent for want of a connection. */
  async retry(): Promise<void> {
    if (this.state === 'waiting' && this.#deliver) await this.send(this.#deliver);
  }

  clear(): void {
    this.text = '';
    this.error = null;
    this.state = 'empty';
    this.#once.clear();
    this.#storage.removeItem(this.#key);
  }

  #store(): void {
    if (this.text === '') this.#storage.removeItem(this.#key);
    else this.#storage.setItem(this.#key, JSON.stringify({ text: this.text, once: this.#once.state } satisfies Stored));
  }

  #read(): Stored | null {
    try {
      const raw = this.#storage.getItem(this.#key);
      if (raw === null) return null;
      const value = JSON.parse(raw) as Partial<Stored>;
      return typeof value.text === 'string' && value.text !== '' ? { text: value.text, once: value.once ?? null } : null;
    } catch {
      return null; // not ours
    }
  }
}

const drafts = new Map<string, NoteDraft>();

/** The one draft for a subject (`call:<id>`, `caller:<id>`), whichever page shows it. */
export function draftFor(subject: string): NoteDraft {
  const known = drafts.get(subject);
  if (known) return known;
  const draft = new NoteDraft(subject);
  drafts.set(subject, draft);
  return draft;
}

/** Called when the line is back. */
export async function retryDrafts(): Promise<void> {
  await Promise.all([...drafts.values()].map((d) => d.retry()));
}
