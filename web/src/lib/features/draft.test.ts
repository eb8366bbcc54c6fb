import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '$lib/api/errors';
import { NoteDraft } from './draft.svelte';

const key = 'sb:note:call:1';
beforeEach(() => sessionStorage.clear());
const draft = () => new NoteDraft('call:1');

describe('NoteDraft', () => {
  it('is kept from the first letter on, and found again after a reload', () => {
    const d = draft();
    expect(d.state).toBe('empty');
    d.write('Half a sent');
    expect(d.state).toBe('kept');
    const again = draft();
    expect(again.text).toBe('Half a sent');
    expect(again.state).toBe('kept');
    again.write('');
    expect(sessionStorage.getItem(key)).toBeNull();
  });

  it('leaves this computer when the server has it', async () => {
    const d = draft();
    d.write('  Done.  ');
    const sent: string[] = [];
    expect(await d.send(async (body) => (sent.push(body), '2026-01-01T14:03:00Z'))).toBe(true);
    expect(sent).toEqual(['Done.']);
    expect(d.state).toBe('saved');
    expect(d.savedAt).toBe('2026-01-01T14:03:00Z');
    expect(d.text).toBe('');
    expect(sessionStorage.getItem(key)).toBeNull();
  });

  it('sends nothing when there is nothing but space', async () => {
    const d = draft();
    d.write(' \n ');
    expect(await d.send(async () => Promise.reject(new Error('not called')))).toBe(false);
    expect(d.error).toBeNull();
  });

  it('waits for the connection, and sends again with the same key', async () => {
    const d = draft();
    d.write('A note');
    const keys: string[] = [];
    let up = false;
    const deliver = async (_: string, k: string) => {
      keys.push(k);
      if (!up) throw new ApiError('NETWORK');
      return '2026-01-01T14:03:00Z';
    };
    expect(await d.send(deliver)).toBe(false);
    expect(d.state).toBe('waiting');
    expect(d.text).toBe('A note');
    // Also after a reload: the first try may have reached the server.
    const reloaded = draft();
    up = true;
    await reloaded.send(deliver);
    await d.retry();
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(d.state).toBe('saved');
  });

  it('uses another key for another text, so that the change is not lost', async () => {
    const d = draft();
    const keys: string[] = [];
    const fail = async (_: string, k: string) => {
      keys.push(k);
      throw new ApiError('NETWORK');
    };
    d.write('A note');
    await d.send(fail);
    d.write('A note with more');
    await d.send(fail);
    expect(new Set(keys).size).toBe(2);
  });

  it('keeps the text when the server refuses it, and does not try again by itself', async () => {
    const d = draft();
    d.write('A note');
    let tries = 0;
    await d.send(async () => {
      tries++;
      throw new ApiError('FORBIDDEN', 'no');
    });
    expect(d.state).toBe('refused');
    expect(d.error?.code).toBe('FORBIDDEN');
    await d.retry();
    expect(tries).toBe(1);
    expect(draft().text).toBe('A note');
  });

  it('keeps what was typed while it was being sent', async () => {
    const d = draft();
    d.write('First.');
    let done: (at: string) => void = () => {};
    const sending = d.send(() => new Promise((r) => (done = r)));
    d.write('First. And more');
    done('2026-01-01T14:03:00Z');
    await sending;
    expect(d.text).toBe('And more');
    expect(d.state).toBe('kept');
    expect(draft().text).toBe('And more');
  });

  it('survives a foreign value in the storage', () => {
    sessionStorage.setItem(key, '{"text":5}');
    expect(draft().text).toBe('');
    sessionStorage.setItem(key, 'not json');
    expect(draft().text).toBe('');
  });
});
