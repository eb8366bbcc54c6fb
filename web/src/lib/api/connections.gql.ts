import { graphql, type ResultOf, type VariablesOf } from './gql';

/** A connection without its secrets: nobody is ever shown their values. */
export const ConnectionBits = graphql(`
  fragment ConnectionBits on ProviderConnection @_unmask {
    id
    version
    provider
    name
    slug
    defaultRegion
    advice
    isPractice
    lastDeliveryAt
    createdAt
    hookUrls {
      purpose
      url
    }
    settings {
      clockSkewSeconds
      baseUrl
      trustForwarded
      options {
        name
        value
      }
      answers {
        purpose
        document
      }
    }
    secrets {
      name
      set
      previousValid
    }
    monitor {
      active
      since
      until
      wouldBeRefused
      lastReason
      lastAt
    }
  }
`);

export const ConnectionsQuery = graphql(
  `
    query Connections {
      providerConnections {
        ...ConnectionBits
      }
    }
  `,
  [ConnectionBits]
);

export const ConnectionQuery = graphql(
  `
    query Connection($id: UUID!) {
      providerConnection(id: $id) {
        ...ConnectionBits
      }
    }
  `,
  [ConnectionBits]
);

/** What every provider needs. It changes with the program only. */
export const ProvidersQuery = graphql(`
  query Providers {
    providers {
      key
      title
      secretFields {
        name
        required
        description
        previous
      }
      optionFields {
        name
        description
        default
        values
      }
      callControl {
        language
        purposes
        defaultEffect
      }
      setup
    }
  }
`);

export const UpdateConnection = graphql(
  `
    mutation UpdateConnection($input: UpdateConnectionInput!) {
      updateConnection(input: $input) {
        connection {
          ...ConnectionBits
        }
      }
    }
  `,
  [ConnectionBits]
);

export const RotateConnectionSecrets = graphql(
  `
    mutation RotateConnectionSecrets($input: RotateConnectionSecretsInput!) {
      rotateConnectionSecrets(input: $input) {
        connection {
          ...ConnectionBits
        }
      }
    }
  `,
  [ConnectionBits]
);

export const RetireConnectionSecrets = graphql(
  `
    mutation RetireConnectionSecrets($input: RetireConnectionSecretsInput!) {
      retireConnectionSecrets(input: $input) {
        connection {
          ...ConnectionBits
        }
      }
    }
  `,
  [ConnectionBits]
);

export type Connection = ResultOf<typeof ConnectionsQuery>['providerConnections'][number];
export type Provider = ResultOf<typeof ProvidersQuery>['providers'][number];
export type SecretField = Provider['secretFields'][number];
export type OptionField = Provider['optionFields'][number];
/** What can be changed, without which connection and which version of it. */
export type ConnectionChange = Omit<VariablesOf<typeof UpdateConnection>['input'], 'id' | 'version'>;
export type SecretChange = VariablesOf<typeof RotateConnectionSecrets>['input']['secrets'][number];
