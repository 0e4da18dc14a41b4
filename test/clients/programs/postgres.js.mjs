import { keys, report, reportParallel } from './report.mjs';
import { poolOfKey, requestsOfTransaction, sql } from './requests_of_key.mjs';

const seen = (requests) => requests.then((rows) => rows.map((row) => row.request_id), (error) => [error.constraint_name === 'invalid_credential' ? error.code : `${error} without a reason`]);

for (const [name, key] of Object.entries({ ...keys, nobody: '' })) {
  const pool = poolOfKey(key);
  report('connection', name, await seen(pool`SELECT request_id FROM requests ORDER BY request_id`));
  await pool.end();
}

// Nobody comes last, on every connection that the pool has made, and gives no key.
for (const [name, key] of Object.entries(keys)) report('transaction', name, await seen(requestsOfTransaction(key)));
const afterwards = Array.from({ length: sql.options.max }, () => sql`SELECT request_id FROM requests, pg_sleep(0.01)`);
report('transaction', 'nobody', await seen(Promise.all(afterwards).then((results) => results.flat())));
await reportParallel((key) => seen(requestsOfTransaction(key)));
await sql.end();
