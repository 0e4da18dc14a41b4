import { keys, report, reportParallel } from './report.mjs';
import { requestsOfConnection } from './requests_of_connection.mjs';
import { Request, db, requestsOfTransaction } from './requests_of_key.mjs';

const seen = (requests) => requests.then((rows) => rows.map((row) => row.requestId), (error) => [error.parent.code]);

for (const [name, key] of Object.entries({ ...keys, nobody: '' }))
  report('connection', name, await seen(requestsOfConnection(key)));

for (const [name, key] of Object.entries(keys)) report('transaction', name, await seen(requestsOfTransaction(key)));
report('transaction', 'nobody', await seen(Request.findAll()));
await reportParallel((key) => seen(requestsOfTransaction(key)));
await db.close();
