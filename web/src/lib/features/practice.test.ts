import { describe, expect, it } from 'vitest';
import { ApiError } from '$lib/api/errors';
import { practiceProblem } from './practice.svelte';

const limited = (seconds: number) => new ApiError('RATE_LIMITED', '', { retryAfterSeconds: seconds });

describe('why no practice call rings', () => {
  it('is said in words: one runs already', () => {
    expect(practiceProblem(limited(41))).toBe('A practice call is running already. You can start the next one in 41 seconds.');
    expect(practiceProblem(limited(1))).toContain('in 1 second.');
    expect(practiceProblem(new ApiError('RATE_LIMITED'))).toContain('60 seconds');
  });
  it('is said in words: too many within an hour', () => {
    expect(practiceProblem(limited(61))).toBe('That was a lot of practice for one hour. You can start the next call in 2 minutes.');
    expect(practiceProblem(limited(1800))).toContain('30 minutes');
  });
  it('is said in words: the server cannot play it', () => {
    expect(practiceProblem(new ApiError('UNAVAILABLE'))).toContain('Practice calls cannot be made');
  });
  it('is left to the code otherwise', () => expect(practiceProblem(new ApiError('FORBIDDEN'))).toBeUndefined());
});
