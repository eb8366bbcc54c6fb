import { mkdir } from 'node:fs/promises';
import { env } from './env';

/** Fails once and clearly when there is no server, or when it was built without the dashboard. */
export default async function ready(): Promise<void> {
  await mkdir(env.artifacts, { recursive: true });
  let res: Response;
  try {
    res = await fetch(`${env.url}/`, { signal: AbortSignal.timeout(10_000) });
  } catch (e) {
    throw new Error(`no server answers at SWITCHBOARD_E2E_URL=${env.url}: ${e instanceof Error ? e.message : String(e)}`, { cause: e });
  }
  if (!res.ok) throw new Error(`${env.url}/ answers ${res.status}; is the dashboard built into the server?`);
}
