import { expect, it } from 'vitest';
import { backOff } from './live.svelte';

it('waits longer after each failure, at most 10 s and 30 %, and not all at the same moment', () => {
  expect([0, 1, 2, 3].map((n) => backOff(n, 0.5))).toEqual([500, 1000, 2000, 4000]);
  expect(backOff(40, 1)).toBeCloseTo(13_000);
  expect(backOff(40, 0)).toBeCloseTo(7_000);
});
