import { graphql, type ResultOf } from './gql';

export const MeBits = graphql(`
  fragment MeBits on Me @_unmask {
    id
    name
    email
    permissions
    serverTime
    role {
      id
      key
      name
    }
  }
`);

export const MeQuery = graphql(
  `
    query Me {
      me {
        ...MeBits
      }
    }
  `,
  [MeBits]
);

export const Login = graphql(
  `
    mutation Login($input: LoginInput!) {
      login(input: $input) {
        expiresAt
        me {
          ...MeBits
        }
      }
    }
  `,
  [MeBits]
);

export const Refresh = graphql(
  `
    mutation Refresh {
      refresh {
        expiresAt
        me {
          ...MeBits
        }
      }
    }
  `,
  [MeBits]
);

export const Logout = graphql(`
  mutation Logout($everywhere: Boolean) {
    logout(everywhere: $everywhere) {
      ok
    }
  }
`);

export type Me = ResultOf<typeof MeQuery>['me'];
