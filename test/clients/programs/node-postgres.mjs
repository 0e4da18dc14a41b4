import assert from 'node:assert';

import { keys, report, reportParallel } from './report.mjs';
import { requestsOfConnection } from './requests_of_connection.mjs';
import { pool, requestsOfTransaction } from './requests_of_key.mjs';

const seen = (requests) => requests.then((rows) => rows.map((row) => row.request_id), (error) => [error.constraint === 'invalid_credential' ? error.code : `${error} without a reason`]);

for (const [name, key] of Object.entries({ ...keys, nobody: '' }))
  report('connection', name, await seen(requestsOfConnection(key)));

// Nobody comes last, on the connection that served all others, and gives no key.
for (const [name, key] of Object.entries(keys)) report('transaction', name, await seen(requestsOfTransaction(key)));
const withoutKey = pool.query('SELECT request_id FROM requests').then((result) => result.rows);
report('transaction', 'nobody', await seen(withoutKey));
assert.equal(pool.totalCount, 1, 'all were to be served by one connection');
await reportParallel((key) => seen(requestsOfTransaction(key)));
await pool.end();
