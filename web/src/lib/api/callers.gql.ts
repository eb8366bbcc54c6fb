import { graphql, type ResultOf } from './gql';
import { CallBits, CallerCardBits, NoteBits } from './calls.gql';

export const CallerBits = graphql(
  `
    fragment CallerBits on Caller @_unmask {
      ...CallerCardBits
      email
      createdAt
      updatedAt
      owner {
        id
        name
      }
      numbers {
        id
        display
        e164
        masked
        label
      }
    }
  `,
  [CallerCardBits]
);

export const CallersQuery = graphql(
  `
    query Callers($first: Int, $after: String, $filter: CallerFilter) {
      callers(first: $first, after: $after, filter: $filter) {
        nodes {
          ...CallerBits
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [CallerBits]
);

export const CallerQuery = graphql(
  `
    query Caller($id: UUID!) {
      caller(id: $id) {
        ...CallerBits
      }
    }
  `,
  [CallerBits]
);

export const CallerCallsQuery = graphql(
  `
    query CallerCalls($id: UUID!, $first: Int, $after: String) {
      caller(id: $id) {
        interactions(first: $first, after: $after) {
          nodes {
            ...CallBits
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [CallBits]
);

export const CallerNotesQuery = graphql(
  `
    query CallerNotes($id: UUID!, $first: Int, $after: String) {
      caller(id: $id) {
        notes(first: $first, after: $after) {
          nodes {
            ...NoteBits
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [NoteBits]
);

export const UpdateCaller = graphql(
  `
    mutation UpdateCaller($input: UpdateCallerInput!) {
      updateCaller(input: $input) {
        caller {
          ...CallerBits
        }
      }
    }
  `,
  [CallerBits]
);

export type Caller = NonNullable<ResultOf<typeof CallerQuery>['caller']>;
