import { graphql, type ResultOf } from './gql';

export const PartyBits = graphql(`
  fragment PartyBits on Party @_unmask {
    kind
    display
    e164
    masked
    name
  }
`);

export const DispositionBits = graphql(`
  fragment DispositionBits on Disposition @_unmask {
    id
    key
    label
    position
    tone
    needsNote
  }
`);

/** A caller as it travels with a call, so that a screen pop needs no second request to say who it is. */
export const CallerCardBits = graphql(
  `
    fragment CallerCardBits on Caller @_unmask {
      id
      version
      name
      displayName
      company
      provisional
      callCount
      lastCallAt
      lastDisposition {
        ...DispositionBits
      }
    }
  `,
  [DispositionBits]
);

export const CallBits = graphql(
  `
    fragment CallBits on Interaction @_unmask {
      id
      version
      connectionName
      isPractice
      direction
      state
      outcome
      matchLevel
      startedAt
      answeredAt
      endedAt
      talkSeconds
      durationSeconds
      needsDisposition
      dispositionSetAt
      from {
        ...PartyBits
      }
      to {
        ...PartyBits
      }
      agent {
        id
        name
      }
      disposition {
        ...DispositionBits
      }
      caller {
        ...CallerCardBits
      }
    }
  `,
  [PartyBits, DispositionBits, CallerCardBits]
);

export const NoteBits = graphql(`
  fragment NoteBits on Note @_unmask {
    id
    body
    createdAt
    interactionId
    callerId
    author {
      id
      name
    }
  }
`);

export const CallActivity = graphql(
  `
    subscription CallActivity {
      callActivity {
        __typename
        ... on CallSnapshot {
          seq
          serverTime
          calls {
            ...CallBits
          }
        }
        ... on CallChanged {
          seq
          call {
            ...CallBits
          }
        }
        ... on CallGone {
          seq
          id
        }
        ... on CallResync {
          seq
          reason
        }
      }
    }
  `,
  [CallBits]
);

export const DispositionsQuery = graphql(
  `
    query Dispositions {
      dispositions {
        ...DispositionBits
      }
    }
  `,
  [DispositionBits]
);

export const CallsQuery = graphql(
  `
    query Calls($first: Int, $after: String, $filter: InteractionFilter) {
      interactions(first: $first, after: $after, filter: $filter) {
        nodes {
          ...CallBits
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [CallBits]
);

export const CallQuery = graphql(
  `
    query Call($id: UUID!) {
      interaction(id: $id) {
        ...CallBits
        provider
        legs {
          id
          parentId
          state
          outcome
          startedAt
          answeredAt
          endedAt
          talkSeconds
          party {
            ...PartyBits
          }
        }
        recordings {
          id
          status
          durationSeconds
          voicemail
        }
      }
    }
  `,
  [CallBits, PartyBits]
);

export const CallNotesQuery = graphql(
  `
    query CallNotes($id: UUID!, $first: Int, $after: String) {
      interaction(id: $id) {
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

export const TakeCall = graphql(
  `
    mutation TakeCall($input: TakeCallInput!) {
      takeCall(input: $input) {
        interaction {
          ...CallBits
        }
      }
    }
  `,
  [CallBits]
);

export const SetDisposition = graphql(
  `
    mutation SetDisposition($input: SetDispositionInput!) {
      setDisposition(input: $input) {
        interaction {
          ...CallBits
        }
      }
    }
  `,
  [CallBits]
);

export const AddNote = graphql(
  `
    mutation AddNote($input: AddNoteInput!) {
      addNote(input: $input) {
        note {
          ...NoteBits
        }
      }
    }
  `,
  [NoteBits]
);

export const StartPracticeCall = graphql(`
  mutation StartPracticeCall {
    startPracticeCall {
      callerName
      startedAt
    }
  }
`);

export type CallEvent = ResultOf<typeof CallActivity>['callActivity'];
export type Call = Extract<CallEvent, { __typename: 'CallSnapshot' }>['calls'][number];
export type CallDetail = NonNullable<ResultOf<typeof CallQuery>['interaction']>;
export type Leg = CallDetail['legs'][number];
export type RecordingFacts = CallDetail['recordings'][number];
export type Party = Call['from'];
export type CallerCard = NonNullable<Call['caller']>;
export type Disposition = ResultOf<typeof DispositionsQuery>['dispositions'][number];
export type Note = ResultOf<typeof AddNote>['addNote']['note'];
export type CallState = Call['state'];
export type CallOutcome = NonNullable<Call['outcome']>;
export type CallDirection = Call['direction'];
export type MatchLevel = Call['matchLevel'];
