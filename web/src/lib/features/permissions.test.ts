import { describe, expect, it } from 'vitest';
import { abilities, byRank } from './abilities';
import { can, goKeys, homeFor, placeOf, places, scopeOf } from './permissions';

const agent = ['callers.read:own', 'interactions.read:own', 'interactions.take', 'notes.create'];
const admin = [
  'callers.read:all',
  'interactions.read:all',
  'users.read',
  'users.create',
  'users.role.assign',
  'connections.read',
  'audit.read'
];

describe('places', () => {
  it('are only those a person may open', () => {
    expect(places(agent)).toEqual(['desk', 'callers', 'calls']);
    expect(places(admin)).toEqual(['desk', 'callers', 'calls', 'people', 'connections', 'audit']);
    expect(places(['audit.read'])).toEqual(['audit']);
    expect(places([])).toEqual([]);
  });
  it('give the first as home', () => {
    expect(homeFor(agent)).toBe('desk');
    expect(homeFor(['audit.read'])).toBe('audit');
    expect(homeFor([])).toBeNull();
  });
  it('are known by their path', () => {
    expect(placeOf('/')).toBe('desk');
    expect(placeOf('/callers/1')).toBe('callers');
    expect(placeOf('/callsign')).toBeNull();
    expect(placeOf('/admin/people')).toBe('people');
  });
  it('have a letter each', () => expect(new Set(Object.values(goKeys)).size).toBe(Object.keys(goKeys).length));
});

describe('permissions', () => {
  it('are compared whole: a longer name is another permission', () => {
    expect(can(['users.read'], 'users')).toBe(false);
    expect(can(['callers.read_numbers:all'], 'callers.read')).toBe(false);
    expect(can(['callers.read:own'], 'callers.read')).toBe(true);
  });
  it('have the widest scope held', () => {
    expect(scopeOf(['callers.read:own', 'callers.read:all'], 'callers.read')).toBe('all');
    expect(scopeOf(['users.create'], 'users.create')).toBe(true);
    expect(scopeOf([], 'users.create')).toBe(false);
  });
});

describe('abilities', () => {
  it('are said in words, one line per permission, the widest scope', () => {
    expect(abilities(['users.create', 'callers.read:own', 'callers.read:all'])).toEqual(['See all callers', 'Add people']);
  });
  it('never hide a permission this version does not know', () => {
    expect(abilities(['future.thing:team', 'notes.create'])).toEqual(['Write notes', 'future.thing']);
  });
});

it('roles are in the order people think of them', () => {
  const role = (key: string, name = key) => ({ key, name });
  const sorted = byRank([
    role('x-2', 'Zoe’s'),
    role('auditor'),
    role('agent'),
    role('x-1', 'Night shift'),
    role('admin'),
    role('supervisor')
  ]);
  expect(sorted.map((r) => r.key)).toEqual(['agent', 'supervisor', 'admin', 'auditor', 'x-1', 'x-2']);
});
