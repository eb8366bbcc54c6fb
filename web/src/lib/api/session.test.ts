import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from './errors';
import { request } from './http';
import { MeQuery } from './session.gql';
import { session } from './session.svelte';

const me = {
  id: 'u1',
  name: 'Sam',
  email: 'sam@example.test',
  permissions: [],
  serverTime: '2026-01-01T10:00:00Z',
  role: { id: 'r', key: 'agent', name: 'Agent' }
};
const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', 'x-request-id': 'req-1' } });
const unauthenticated = () => json(401, { errors: [{ message: 'Please sign in.', extensions: { code: 'UNAUTHENTICATED' } }] });

/** A server that knows one access cookie; `sent` is what it was asked. */
function server(options: { access: boolean; refreshable: boolean }) {
  const sent: string[] = [];
  vi.stubGlobal('fetch', async (_url: string, init: RequestInit) => {
    const { query } = JSON.parse(String(init.body)) as { query: string };
    const name = /(?:query|mutation) (\w+)/.exec(query)?.[1] ?? '?';
    sent.push(name);
    expect(new Headers(init.headers).get('x-switchboard')).toBe('1');
    if (name === 'Refresh') {
      if (!options.refreshable) return unauthenticated();
      options.access = true;
      return json(200, { data: { refresh: { expiresAt: new Date(Date.now() + 900_000).toISOString(), me } } });
    }
    return options.access ? json(200, { data: { me } }) : unauthenticated();
  });
  return sent;
}

beforeEach(() => localStorage.clear());
afterEach(() => vi.unstubAllGlobals());

describe('session', () => {
  it('is renewed on a 401, and the request is sent again', async () => {
    const sent = server({ access: false, refreshable: true });
    expect((await request(MeQuery)).me.name).toBe('Sam');
    expect(sent).toEqual(['Me', 'Refresh', 'Me']);
    expect(session.status).toBe('in');
  });

  it('is renewed once for many requests at once', async () => {
    const sent = server({ access: false, refreshable: true });
    await Promise.all([request(MeQuery), request(MeQuery), request(MeQuery)]);
    expect(sent.filter((s) => s === 'Refresh')).toHaveLength(1);
  });

  it('is not renewed again when another tab has just done so', async () => {
    const options = { access: false, refreshable: false };
    const sent = server(options);
    const sentAt = Date.now() - 50;
    localStorage.setItem('sb:session-renewed', String(Date.now()));
    expect(await session.renew(sentAt)).toBe(true);
    expect(sent).toEqual([]);
  });

  it('ends when it cannot be renewed, and what was on the page stays', async () => {
    server({ access: true, refreshable: false });
    await session.start();
    const sent = server({ access: false, refreshable: false });
    await expect(request(MeQuery)).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect(sent).toEqual(['Me', 'Refresh']);
    expect(session.status).toBe('ended');
    expect(session.me?.name).toBe('Sam');
  });

  it('does not end because the network is away', async () => {
    server({ access: true, refreshable: true });
    await request(MeQuery);
    await session.renew(Date.now() + 1);
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(session.renew(Date.now() + 10_000)).rejects.toMatchObject({ code: 'NETWORK' });
    expect(session.status).toBe('in');
  });
});

describe('errors', () => {
  it('carry what the server says about them', async () => {
    vi.stubGlobal('fetch', async () =>
      json(200, {
        data: null,
        errors: [{ message: 'x', extensions: { code: 'INVALID', fields: [{ path: 'input.email', message: 'Not an e-mail.' }] } }]
      })
    );
    const e = await request(MeQuery).catch((e: unknown) => ApiError.from(e));
    expect(e).toBeInstanceOf(ApiError);
    expect(e instanceof ApiError && [e.code, e.field('email'), e.field('name'), e.requestId]).toEqual([
      'INVALID',
      'Not an e-mail.',
      null,
      'req-1'
    ]);
  });
  it('of a proxy, which are not JSON, are said too', async () => {
    vi.stubGlobal('fetch', async () => new Response('<html>Bad gateway</html>', { status: 502 }));
    await expect(request(MeQuery)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
