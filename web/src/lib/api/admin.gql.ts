import { graphql, type ResultOf } from './gql';

export const RoleBits = graphql(`
  fragment RoleBits on Role @_unmask {
    id
    key
    name
    description
    builtIn
    permissions
  }
`);

export const UserBits = graphql(
  `
    fragment UserBits on User @_unmask {
      id
      version
      name
      email
      status
      createdAt
      lastSeenAt
      role {
        ...RoleBits
      }
    }
  `,
  [RoleBits]
);

export const UsersQuery = graphql(
  `
    query Users($first: Int, $after: String) {
      users(first: $first, after: $after) {
        nodes {
          ...UserBits
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [UserBits]
);

export const RolesQuery = graphql(
  `
    query Roles {
      roles {
        ...RoleBits
      }
    }
  `,
  [RoleBits]
);

export const CreateUser = graphql(
  `
    mutation CreateUser($input: CreateUserInput!) {
      createUser(input: $input) {
        user {
          ...UserBits
        }
      }
    }
  `,
  [UserBits]
);

export const AssignRole = graphql(
  `
    mutation AssignRole($input: AssignRoleInput!) {
      assignRole(input: $input) {
        user {
          ...UserBits
        }
      }
    }
  `,
  [UserBits]
);

export const AuditQuery = graphql(`
  query Audit($first: Int, $after: String, $objectId: UUID) {
    auditEntries(first: $first, after: $after, objectId: $objectId) {
      nodes {
        id
        at
        actorKind
        actorName
        action
        objectType
        objectId
        changes {
          field
          before
          after
          redacted
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export type Role = ResultOf<typeof RolesQuery>['roles'][number];
export type User = ResultOf<typeof UsersQuery>['users']['nodes'][number];
export type AuditEntry = ResultOf<typeof AuditQuery>['auditEntries']['nodes'][number];
