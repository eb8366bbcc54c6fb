import { t } from '$lib/i18n';
import type { Role } from '$lib/api/admin.gql';
import { parsePermission, type Scope } from './permissions';

const width: Record<Scope, number> = { own: 0, team: 1, all: 2 };

/**
 * What a set of permissions lets a person do, one sentence each, in the catalogue's order. Of one permission held with several scopes only
 * the widest is said; a permission this version does not know is shown by its name rather than hidden.
 */
export function abilities(permissions: readonly string[]): string[] {
  const widest = new Map<string, Scope | null>();
  for (const p of permissions) {
    const { key, scope } = parsePermission(p);
    const before = widest.get(key);
    if (before === undefined || before === null || (scope !== null && width[scope] > width[before])) widest.set(key, scope);
  }
  const known = Object.keys(t.permissions.of);
  const order = [...widest.keys()].sort((a, b) => rank(known, a) - rank(known, b));
  return order.map((key) => t.permissions.of[key]?.(widest.get(key) ?? null) ?? t.permissions.unknown(key));
}
const rank = (known: readonly string[], key: string) => (known.includes(key) ? known.indexOf(key) : known.length);

const ranks = ['agent', 'supervisor', 'admin', 'auditor'];
const rankOf = (key: string) => (ranks.includes(key) ? ranks.indexOf(key) : ranks.length);

/** Roles as people think of them: agents first, then those with more; roles made here come after, by name. */
export function byRank<R extends Pick<Role, 'key' | 'name'>>(roles: readonly R[]): R[] {
  return [...roles].sort((a, b) => rankOf(a.key) - rankOf(b.key) || a.name.localeCompare(b.name));
}
