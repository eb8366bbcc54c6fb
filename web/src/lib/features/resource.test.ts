import { flushSync } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '$lib/api/errors';
import { Pages } from './pages.svelte';
import { inEffect } from './testing.svelte';
import { Resource } from './resource.svelte';

const refuse = () => Promise.reject(new ApiError('FORBIDDEN'));

describe('an effect that loads', () => {
  it.each([
    [
      'a thing',
      (load: () => Promise<never>) => {
        const r = new Resource(load);
        return { start: () => r.reload(), state: () => r.state };
      }
    ],
    [
      'a list',
      (load: () => Promise<never>) => {
        const p = new Pages(load);
        return { start: () => p.reset(), state: () => p.state };
      }
    ]
  ])('asks a server that refuses %s once, not for ever', async (_, make) => {
    const load = vi.fn(refuse);
    const { start, state } = make(load);
    const stop = inEffect(() => void start());
    for (let i = 0; i < 5; i++) {
      await Promise.resolve();
      await new Promise((done) => setTimeout(done));
      flushSync();
    }
    expect(state()).toBe('failed');
    expect(load).toHaveBeenCalledTimes(1);
    stop();
  });
});

describe('a newer copy that came another way', () => {
  it('is not replaced by an answer that was under way', async () => {
    let answer: (v: string) => void = () => {};
    const r = new Resource(() => new Promise<string>((done) => (answer = done)));
    const loading = r.reload();
    r.put('new');
    answer('old');
    await loading;
    expect(r.data).toBe('new');
    expect(r.state).toBe('ready');
  });
});
