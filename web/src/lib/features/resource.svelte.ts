import { untrack } from 'svelte';
import { ApiError } from '$lib/api/errors';
import type { LoadState } from './pages.svelte';

/** One thing that is loaded, with what a screen must be able to say about it. `data` stays while it is loaded again. */
export class Resource<T> {
  data = $state.raw<T | null>(null);
  state = $state<LoadState>('loading');
  error = $state.raw<ApiError | null>(null);
  #load: () => Promise<T | null>;
  #run = 0;

  /** `load` returns null when the thing does not exist. */
  constructor(load: () => Promise<T | null>) {
    this.#load = load;
  }

  /** Takes a newer copy that came another way; an answer that is still under way is older and is dropped. */
  put(data: T): void {
    this.#run++;
    this.data = data;
    this.error = null;
    this.state = 'ready';
  }

  async reload(): Promise<void> {
    const run = ++this.#run;
    // Effects call this: one that depended on what it sets would ask a server that refuses again and again.
    if (untrack(() => this.state) === 'failed') this.state = 'loading';
    try {
      const data = await this.#load();
      if (run !== this.#run) return;
      this.data = data;
      this.error = null;
      this.state = 'ready';
    } catch (e) {
      if (run !== this.#run) return;
      this.error = ApiError.from(e);
      this.state = 'failed';
    }
  }
}
