import { RolesQuery, UsersQuery } from '$lib/api/admin.gql';
import { request } from '$lib/api/http';
import { can } from './permissions';
import { desk } from './desk.svelte';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Names for the ids that stand in the audit record, as far as the reader may see them. Without a name an id is shortened in the middle. */
export class AuditNames {
  #names = $state.raw<ReadonlyMap<string, string>>(new Map());

  async load(permissions: readonly string[]): Promise<void> {
    const [users, roles] = await Promise.all([
      can(permissions, 'users.read') ? request(UsersQuery, { first: 100 }).then((r) => r.users.nodes, nobody) : [],
      can(permissions, 'roles.read') ? request(RolesQuery).then((r) => r.roles, nobody) : []
    ]);
    this.#names = new Map([...users, ...roles].map((x) => [x.id, x.name]));
  }

  /** A value of the record in words. */
  words(value: string): string {
    if (!uuid.test(value)) return value;
    const name = this.#names.get(value) ?? desk.dispositions.find((d) => d.id === value)?.label;
    return name ?? `${value.slice(0, 4)}…${value.slice(-4)}`;
  }
}
// The record can be read without the names.
const nobody = (): { id: string; name: string }[] => [];
