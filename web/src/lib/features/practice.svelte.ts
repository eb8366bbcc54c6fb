import { ApiError } from '$lib/api/errors';
import { request } from '$lib/api/http';
import { StartPracticeCall } from '$lib/api/calls.gql';
import { t } from '$lib/i18n';
import { shell } from '$lib/ui/shell.svelte';

/** A start within this many seconds is refused because the call before it still rings or talks; longer means too many in an hour. */
const ONE_CALL_SECONDS = 60;

/** Why no practice call rings, in words. Undefined: the code's own sentence will do. */
export function practiceProblem(error: ApiError): string | undefined {
  if (error.code === 'UNAVAILABLE') return t.practice.unavailable;
  if (error.code !== 'RATE_LIMITED') return undefined;
  const seconds = error.retryAfterSeconds ?? ONE_CALL_SECONDS;
  return seconds <= ONE_CALL_SECONDS ? t.practice.running(seconds) : t.practice.tooMany(Math.ceil(seconds / 60));
}

/** Lets a practice call ring. One button at a time shows what went wrong: where it was pressed. */
export class Practice {
  busy = $state(false);
  error = $state.raw<ApiError | null>(null);

  /** True: it rings in a moment, and a message says so. */
  async start(): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    try {
      await request(StartPracticeCall);
      shell.say(t.practice.started);
      return true;
    } catch (e) {
      this.error = ApiError.from(e);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
