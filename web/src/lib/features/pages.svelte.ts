import { untrack } from 'svelte';
import { ApiError } from '$lib/api/errors';

export type Page<T> = { nodes: readonly T[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
export type LoadState = 'loading' | 'ready' | 'failed';

/**
 * A keyset-paged list: first page, then "Show more". A newer `reset()` makes older answers worthless, so typing quickly in a search box
 * cannot show the results of an earlier word.
 */
export class Pages<T extends { id: string }> {
  items = $state.raw<readonly T[]>([]);
  state = $state<LoadState>('loading');
  /** A "Show more" is under way. */
  more = $state(false);
  hasMore = $state(false);
  error = $state.raw<ApiError | null>(null);
  #cursor: string | null = null;
  #run = 0;
  #load: (after: string | null) => Promise<Page<T> | null>;

  /** `load` returns null when the thing the list hangs on does not exist (any more). */
  constructor(load: (after: string | null) => Promise<Page<T> | null>) {
    this.#load = load;
  }

  /** Loads the first page. What is shown stays until the answer is here. */
  async reset(): Promise<void> {
    const run = ++this.#run;
    this.more = false;
    // Effects call this: one that depended on what it sets would ask a server that refuses again and again.
    if (untrack(() => this.state) !== 'ready') this.state = 'loading';
    try {
      const page = await this.#load(null);
      if (run !== this.#run) return;
      this.#take(page, []);
      this.error = null;
      this.state = 'ready';
    } catch (e) {
      if (run !== this.#run) return;
      this.error = ApiError.from(e);
      this.state = 'failed';
    }
  }

  async next(): Promise<void> {
    if (!this.hasMore || this.more) return;
    const run = this.#run;
    this.more = true;
    this.error = null;
    try {
      const page = await this.#load(this.#cursor);
      if (run === this.#run) this.#take(page, this.items);
    } catch (e) {
      if (run === this.#run) this.error = ApiError.from(e);
    } finally {
      if (run === this.#run) this.more = false;
    }
  }

  /** Puts a newer copy in the place of the item with the same id. */
  replace(item: T): void {
    this.items = this.items.map((x) => (x.id === item.id ? item : x));
  }
  has(id: string): boolean {
    return this.items.some((x) => x.id === id);
  }
  /** Adds an item that was just made here. */
  prepend(item: T): void {
    if (!this.has(item.id)) this.items = [item, ...this.items];
  }

  #take(page: Page<T> | null, before: readonly T[]): void {
    const seen = new Set(before.map((x) => x.id));
    this.items = [...before, ...(page?.nodes ?? []).filter((x) => !seen.has(x.id))];
    this.hasMore = page?.pageInfo.hasNextPage ?? false;
    this.#cursor = page?.pageInfo.endCursor ?? null;
  }
}
