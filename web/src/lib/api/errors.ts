/** The codes of the API's `extensions.code`, and two of our own for what happens before an answer arrives. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'INVALID'
  | 'CONFLICT'
  | 'RATE_LIMITED'
  | 'UNAVAILABLE'
  | 'INTERNAL'
  | 'BAD_REQUEST'
  /** no answer: the network or the server is away */
  | 'NETWORK'
  /** the session ended and could not be renewed */
  | 'SIGNED_OUT';

export type FieldProblem = { path: string; message: string };

type Extensions = {
  code?: string;
  fields?: FieldProblem[];
  retryAfterSeconds?: number;
  requestId?: string;
  takenBy?: string;
};
export type GraphQLProblem = { message: string; extensions?: Extensions };

const codes: readonly string[] = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'INVALID',
  'CONFLICT',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'INTERNAL',
  'BAD_REQUEST'
];

/** Why a request to the server did not work. `message` is the server's sentence; what the screen says is in the catalogue. */
export class ApiError extends Error {
  readonly fields: readonly FieldProblem[];
  readonly retryAfterSeconds: number | null;
  readonly requestId: string | null;
  readonly takenBy: string | null;

  constructor(
    readonly code: ErrorCode,
    message = '',
    ext: Extensions = {}
  ) {
    super(message);
    this.name = 'ApiError';
    this.fields = ext.fields ?? [];
    this.retryAfterSeconds = ext.retryAfterSeconds ?? null;
    this.requestId = ext.requestId ?? null;
    this.takenBy = ext.takenBy ?? null;
  }

  /** The server's sentence about one input field, if it complained about it. Paths may be prefixed with `input.`. */
  field(name: string): string | null {
    return this.fields.find((f) => f.path === name || f.path.endsWith(`.${name}`))?.message ?? null;
  }

  static fromGraphQL(problem: GraphQLProblem): ApiError {
    const code = problem.extensions?.code ?? '';
    return new ApiError(codes.includes(code) ? (code as ErrorCode) : 'INTERNAL', problem.message, problem.extensions);
  }

  static from(e: unknown): ApiError {
    return e instanceof ApiError ? e : new ApiError('INTERNAL', e instanceof Error ? e.message : '');
  }
}
