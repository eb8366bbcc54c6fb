import { print } from '@0no-co/graphql.web';
import type { TadaDocumentNode } from 'gql.tada';
import { ApiError, type GraphQLProblem } from './errors';

type Answer<R> = { data?: R | null; errors?: GraphQLProblem[] };

/** Renews the session after a 401; set by `session.svelte.ts` (kept apart so that renewing can itself send a request). */
let renew: (sentAt: number) => Promise<boolean> = async () => false;
export function setRenewal(f: (sentAt: number) => Promise<boolean>): void {
  renew = f;
}

/** One POST without any renewal. Throws `ApiError`; an abort is passed on as it is. */
export async function send<R, V>(doc: TadaDocumentNode<R, V>, variables?: V, signal?: AbortSignal): Promise<R> {
  let res: Response;
  try {
    res = await fetch('/graphql', {
      method: 'POST',
      credentials: 'same-origin',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        // A custom header makes the browser ask first (CORS preflight) when another site tries the same.
        'x-switchboard': '1'
      },
      body: JSON.stringify({ query: print(doc), variables: variables ?? {} }),
      ...(signal ? { signal } : {})
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new ApiError('NETWORK');
  }
  let body: Answer<R> = {};
  try {
    body = (await res.json()) as Answer<R>;
  } catch {
    // A proxy's error page is not JSON: judged by its status below.
  }
  const requestId = res.headers.get('x-request-id') ?? undefined;
  const first = body.errors?.[0];
  if (res.status === 401) throw new ApiError('SIGNED_OUT', first?.message);
  if (first) throw ApiError.fromGraphQL({ ...first, extensions: { ...(requestId ? { requestId } : {}), ...first.extensions } });
  if (res.status >= 500) throw new ApiError('UNAVAILABLE', '', requestId ? { requestId } : {});
  if (!res.ok || !body.data) throw new ApiError('INTERNAL', '', requestId ? { requestId } : {});
  return body.data;
}

/** A request as the app makes it: on a 401 the session is renewed once and the request sent again. */
export async function request<R, V>(doc: TadaDocumentNode<R, V>, variables?: V, signal?: AbortSignal): Promise<R> {
  const sentAt = Date.now();
  try {
    return await send(doc, variables, signal);
  } catch (e) {
    if (!(e instanceof ApiError) || e.code !== 'SIGNED_OUT') throw e;
    if (!(await renew(sentAt))) throw e;
    return send(doc, variables, signal);
  }
}
