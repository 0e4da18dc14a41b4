import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

import { keys, report, reportParallel } from './report.mjs';

// Only migrations use the schema engine, which Prisma otherwise downloads here.
const environment = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' };
const prismaCommand = createRequire(import.meta.url).resolve('prisma/build/index.js');
execFileSync('node', [prismaCommand, 'generate', '--schema', 'schema.prisma'], { env: environment });
const { prisma, requestsOfOperation, requestsOfTransaction, sqlstate } = await import('./requests_of_key.mjs');

const seen = (requests) => requests.then((rows) => rows.map((row) => row.requestId), (error) => [sqlstate(error) ?? error.code ?? error]);

for (const [way, requestsOf] of Object.entries({ transaction: requestsOfTransaction, operation: requestsOfOperation })) {
  for (const [name, key] of Object.entries(keys)) report(way, name, await seen(requestsOf(key)));
  report(way, 'nobody', await seen(prisma.request.findMany()));
}
await reportParallel((key) => seen(requestsOfTransaction(key)));
await reportParallel((key) => seen(requestsOfOperation(key)));
await prisma.$disconnect();
