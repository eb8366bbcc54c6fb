// Fails when src/lib/api/graphql-env.d.ts is not what ../schema.graphql gives. svelte-check reads only that file, so a stale one would
// let a document through that the server refuses.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const web = new URL('..', import.meta.url).pathname;
const committed = join(web, 'src/lib/api/graphql-env.d.ts');
const dir = mkdtempSync(join(tmpdir(), 'graphql-env-'));
try {
  const fresh = join(dir, 'graphql-env.d.ts');
  execFileSync(process.execPath, [join(web, 'node_modules/gql.tada/bin/cli.js'), 'generate-output', '--output', fresh], {
    cwd: web,
    stdio: ['ignore', 'ignore', 'inherit']
  });
  if (readFileSync(fresh, 'utf8') !== readFileSync(committed, 'utf8')) {
    console.error('src/lib/api/graphql-env.d.ts is older than schema.graphql. Run: npm run gql');
    process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
