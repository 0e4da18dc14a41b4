import assert from 'node:assert';

import { keys, report, reportParallel } from './report.mjs';
import { db, pool, requests, requestsOfTransaction } from './requests_of_key.mjs';

const seen = (rows) => rows.then((found) => found.map((row) => row.requestId), (error) => [error.cause.code]);

// Nobody comes last, on the connection that served all others, and gives no key.
for (const [name, key] of Object.entries(keys)) report('transaction', name, await seen(requestsOfTransaction(key)));
report('transaction', 'nobody', await seen(db.select().from(requests)));
assert.equal(pool.totalCount, 1, 'all were to be served by one connection');
await reportParallel((key) => seen(requestsOfTransaction(key)));
await pool.end();
