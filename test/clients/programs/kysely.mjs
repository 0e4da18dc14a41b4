import { keys, report, reportParallel } from './report.mjs';
import { db, requestsOfTransaction } from './requests_of_key.mjs';

const seen = (requests) => requests.then((rows) => rows.map((row) => row.request_id), (error) => [error.code]);

for (const [name, key] of Object.entries(keys)) report('transaction', name, await seen(requestsOfTransaction(key)));
report('transaction', 'nobody', await seen(db.selectFrom('requests').selectAll().execute()));
await reportParallel((key) => seen(requestsOfTransaction(key)));
await db.destroy();
