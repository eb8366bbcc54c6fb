import { ApiError } from '$lib/api/errors';

/** One thing a button does at the server: not twice at once, and its error stands beside the button. */
export class Attempt {
  busy = $state(false);
  error = $state.raw<ApiError | null>(null);

  /** True: it worked. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    try {
      await work();
      return true;
    } catch (e) {
      this.error = ApiError.from(e);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
