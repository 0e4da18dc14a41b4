import assert from 'node:assert';
import { once } from 'node:events';

import { keys, report, reportParallel } from './report.mjs';
import { pool, server } from './server.mjs';

server.listen(0, '127.0.0.1');
await once(server, 'listening');

async function seen(authorization) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...authorization },
    body: JSON.stringify({ query: '{ allRequests(orderBy: REQUEST_ID_ASC) { nodes { requestId } } }' }),
  });
  const { data, errors } = await response.json();
  return errors ? [errors[0].errcode] : data.allRequests.nodes.map((row) => row.requestId);
}

// Nobody comes last, on the connection that served all others.
for (const [name, key] of Object.entries(keys)) report('request', name, await seen({ Authorization: `Bearer ${key}` }));
report('request', 'nobody', await seen({}));
assert.equal(pool.totalCount, 1, 'all were to be served by one connection');
await reportParallel((key) => seen(key ? { Authorization: `Bearer ${key}` } : {}));
process.exit();
