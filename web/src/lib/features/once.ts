import { uuid } from '$lib/api/random';

/**
 * The idempotency key of one act. The same text gets the same key, so that sending again after a time-out cannot store it twice; another
 * text gets another key, because the server would answer the first one's result and the change would be lost.
 */
export class OnceKey {
  #last: { text: string; key: string } | null = null;
  for(text: string): string {
    if (this.#last?.text !== text) this.#last = { text, key: uuid() };
    return this.#last.key;
  }
  clear(): void {
    this.#last = null;
  }
  /** For keeping over a reload. */
  get state(): { text: string; key: string } | null {
    return this.#last;
  }
  set state(value: { text: string; key: string } | null) {
    this.#last = value;
  }
}
