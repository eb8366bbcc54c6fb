import { initGraphQLTada } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

/** Typed documents. Scalars are what JSON carries: instants as RFC 3339 strings in UTC, ids as strings. */
export const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string; UUID: string } }>();
export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada';
