import { request } from '$lib/api/http';
import {
  ConnectionQuery,
  RetireConnectionSecrets,
  RotateConnectionSecrets,
  UpdateConnection,
  type Connection,
  type ConnectionChange,
  type SecretChange
} from '$lib/api/connections.gql';
import { Resource } from './resource.svelte';

/**
 * One connection that is looked at and changed. Every change names the version it was made from, so that the server can refuse to write over
 * what a colleague changed meanwhile. Changes made on this page are no colleague's: without `#mine` a form that is half filled in while
 * monitor mode is switched on beside it would be refused.
 */
export class ConnectionEditor {
  readonly shown: Resource<Connection>;
  #mine = new Set<number>();

  constructor(readonly id: string) {
    this.shown = new Resource<Connection>(async () => (await request(ConnectionQuery, { id })).providerConnection);
  }

  /** The version to name for a change that was begun when the connection had this one. */
  versionFrom(begun: number): number {
    let version = begun;
    while (this.#mine.has(version + 1)) version++;
    return version;
  }

  async update(begun: number, change: ConnectionChange): Promise<void> {
    const input = { ...change, id: this.id, version: this.versionFrom(begun) };
    this.#take((await request(UpdateConnection, { input })).updateConnection.connection, input.version);
  }

  async rotate(begun: number, secrets: SecretChange[]): Promise<void> {
    const input = { id: this.id, version: this.versionFrom(begun), secrets };
    this.#take((await request(RotateConnectionSecrets, { input })).rotateConnectionSecrets.connection, input.version);
  }

  async retire(begun: number): Promise<void> {
    const input = { id: this.id, version: this.versionFrom(begun) };
    this.#take((await request(RetireConnectionSecrets, { input })).retireConnectionSecrets.connection, input.version);
  }

  /** After a refusal with `CONFLICT`: looks again. True: a colleague's change was the reason. */
  async changedSince(begun: number): Promise<boolean> {
    const version = this.versionFrom(begun);
    await this.shown.reload();
    return this.shown.data === null || this.shown.data.version !== version;
  }

  #take(connection: Connection, from: number): void {
    if (connection.version === from + 1) this.#mine.add(connection.version);
    this.shown.put(connection);
  }
}
