import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection, OptionField } from '$lib/api/connections.gql';
import { ConnectionEditor } from './connection.svelte';
import { ConnectionForm } from './connectionForm.svelte';
import { aConnection } from './testing';

const fields: OptionField[] = [
  { name: 'get_requests', description: 'whether GET is accepted', default: 'accept', values: ['accept', 'refuse'] },
  { name: 'header_prefix', description: 'the name', default: 'Plivo', values: [] }
];
const settings = (change: Partial<Connection['settings']>) => ({ ...aConnection().settings, ...change });

describe('the settings form', () => {
  it('sends nothing when nothing differs', () => {
    const form = new ConnectionForm(aConnection(), fields);
    expect(form.change).toBeNull();
    form.typed.name = ' Twilio ';
    expect(form.change).toBeNull();
  });
  it('sends what differs and nothing else', () => {
    const form = new ConnectionForm(aConnection(), fields);
    form.typed.region = 'DE';
    form.typed.options['get_requests'] = 'refuse';
    expect(form.change).toEqual({ defaultRegion: 'DE', options: [{ name: 'get_requests', value: 'refuse' }] });
    form.typed.options['get_requests'] = 'accept';
    form.typed.trust = true;
    form.typed.skew = '60';
    form.typed.baseUrl = 'https://calls.example.com';
    expect(form.change).toEqual({ defaultRegion: 'DE', trustForwarded: true, clockSkewSeconds: 60, baseUrl: 'https://calls.example.com' });
  });
  it('takes back to the default with null', () => {
    const set = settings({ baseUrl: 'https://a.example', options: [{ name: 'header_prefix', value: 'Vobiz' }] });
    const form = new ConnectionForm(aConnection({ defaultRegion: 'DE', settings: set }), fields);
    expect(form.typed.options['header_prefix']).toBe('Vobiz');
    Object.assign(form.typed, { name: '', region: '', baseUrl: ' ' });
    form.typed.options['header_prefix'] = 'Plivo';
    expect(form.change).toEqual({ name: null, defaultRegion: null, baseUrl: null, options: [{ name: 'header_prefix', value: null }] });
  });
  it('leaves it to the server to refuse what is no number', () => {
    const form = new ConnectionForm(aConnection(), fields);
    form.typed.skew = 'five';
    expect(form.change).toEqual({ clockSkewSeconds: 0 });
  });
  it('keeps what was typed when a colleague changed something else', () => {
    const form = new ConnectionForm(aConnection(), fields);
    form.typed.name = 'Berlin';
    form.typed.options['header_prefix'] = 'Vobiz';
    form.rebase(aConnection({ version: 2, defaultRegion: 'FR', settings: settings({ clockSkewSeconds: 90 }) }));
    expect(form.base.version).toBe(2);
    expect(form.typed).toMatchObject({ name: 'Berlin', region: 'FR', skew: '90' });
    expect(form.change).toEqual({ name: 'Berlin', options: [{ name: 'header_prefix', value: 'Vobiz' }] });
  });
});

describe('the version a change is made from', () => {
  afterEach(() => vi.unstubAllGlobals());
  const sent: { input: Record<string, unknown> }[] = [];
  const answer = (connection: Connection) =>
    vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
      const body = JSON.parse(String(init.body)) as { query: string; variables: { input: Record<string, unknown> } };
      sent.push(body.variables);
      const data = body.query.includes('updateConnection') ? { updateConnection: { connection } } : { providerConnection: connection };
      return Promise.resolve(new Response(JSON.stringify({ data })));
    });

  it('follows the changes of this page, not those of colleagues', async () => {
    const editor = new ConnectionEditor('c');
    answer(aConnection({ version: 2 }));
    await editor.update(1, { monitorHours: 24 });
    expect(sent.at(-1)?.input).toEqual({ id: 'c', version: 1, monitorHours: 24 });
    // A form that was begun before goes on.
    expect(editor.versionFrom(1)).toBe(2);
    // A colleague's change arrives: the form must not write over it.
    answer(aConnection({ version: 3 }));
    expect(await editor.changedSince(1)).toBe(true);
    expect(editor.versionFrom(1)).toBe(2);
    expect(editor.versionFrom(3)).toBe(3);
  });
  it('stays when the change was none', async () => {
    const editor = new ConnectionEditor('c');
    answer(aConnection({ version: 1 }));
    await editor.update(1, { name: 'Twilio' });
    expect(editor.versionFrom(1)).toBe(1);
    expect(await editor.changedSince(1)).toBe(false);
  });
});
