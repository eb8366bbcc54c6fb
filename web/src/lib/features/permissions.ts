export type Scope = 'own' | 'team' | 'all';

/** A permission as the server writes it: `callers.read:own`, or without a scope `users.create`. */
export function parsePermission(p: string): { key: string; scope: Scope | null } {
  const [key = '', scope] = p.split(':');
  return { key, scope: scope === 'own' || scope === 'team' || scope === 'all' ? scope : null };
}

/** The widest scope held for a permission; false when it is not held. The server decides; the screen only hides what it would refuse. */
export function scopeOf(permissions: readonly string[], key: string): Scope | true | false {
  const held = permissions.map(parsePermission).filter((p) => p.key === key);
  if (held.length === 0) return false;
  for (const scope of ['all', 'team', 'own'] as const) if (held.some((p) => p.scope === scope)) return scope;
  return true;
}

export const can = (permissions: readonly string[], key: string): boolean => scopeOf(permissions, key) !== false;

export type Place = 'desk' | 'callers' | 'calls' | 'people' | 'connections' | 'audit';
export const hrefs: Record<Place, string> = {
  desk: '/',
  callers: '/callers',
  calls: '/calls',
  people: '/admin/people',
  connections: '/admin/connections',
  audit: '/admin/audit'
};
/** What each page needs; the second letter of its `G` shortcut. */
const needs: Record<Place, string> = {
  desk: 'interactions.read',
  callers: 'callers.read',
  calls: 'interactions.read',
  people: 'users.read',
  connections: 'connections.read',
  audit: 'audit.read'
};
export const goKeys: Record<Place, string> = { desk: 'd', callers: 'c', calls: 'l', people: 'p', connections: 'v', audit: 'r' };

/** The pages this person may open, in the order of the navigation. */
export function places(permissions: readonly string[]): Place[] {
  return (Object.keys(hrefs) as Place[]).filter((p) => can(permissions, needs[p]));
}

/** Where a person who opens the start page goes; null: stay there. */
export function homeFor(permissions: readonly string[]): Place | null {
  return places(permissions)[0] ?? null;
}

/** The page a path belongs to; null for pages everybody may open. */
export function placeOf(pathname: string): Place | null {
  if (pathname === '/') return 'desk';
  return (
    (Object.keys(hrefs) as Place[]).find((p) => p !== 'desk' && (pathname === hrefs[p] || pathname.startsWith(`${hrefs[p]}/`))) ?? null
  );
}
