// An API whose callers log in at an OpenID Connect provider: their token is passed on to the database, where it is the person.
//
//   node server.mjs trust ISSUER AUDIENCE CLIENT...    as a DBA: trusts the provider with its keys as they are now; run it once a day
//   node server.mjs                                     answers GET /requests on $PORT; its login needs no right but that to the table
//
// Needs the package "pg", and $DATABASE_URL. See README.md.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

const json = async (url) => {
  const response = await fetch(url, { redirect: 'error' });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};

// Keys that the provider has begun to publish are known before they sign, those that it has withdrawn are refused from then on.
export async function trustProvider(db, issuer, audiences, clients) {
  const discovered = await json(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  // The text is compared byte for byte with the tokens'.
  if (discovered.issuer !== issuer) throw new Error(`the provider calls itself ${discovered.issuer}`);
  const { keys } = await json(discovered.jwks_uri);
  const usable = keys.filter(({ use, kty, crv }) => (use ?? 'sig') === 'sig' && (kty === 'RSA' || crv === 'P-256' || crv === 'Ed25519'));
  await db.query('SELECT tenancy.trust_issuer(NULL, $1, $2, $3, authorized_parties => $4)', [issuer, JSON.stringify({ keys: usable }), audiences, clients]);
  return usable.length;
}

// What the person of the token may, and nothing that an earlier request left behind. The organization is for people in several.
export async function asPerson(pool, token, organization, work) {
  const db = await pool.connect();
  try {
    await db.query('BEGIN');
    await db.query("SELECT set_config('tenancy.jwt', $1, true), set_config('tenancy.organization', $2, true)", [token, organization]);
    const result = await work(db);
    await db.query('COMMIT');
    return result;
  } catch (error) {
    await db.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    db.release();
  }
}

// Why a session is refused: to log in again, or to say which organization.
const statusOf = ({ code, constraint }) => (code === '28000' ? (constraint === 'no_organization' ? 409 : 401) : code === '42501' ? 403 : code === '40001' ? 503 : 500);

export const api = (pool) => createServer(async (request, response) => {
  const answer = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json', ...(status === 401 ? { 'WWW-Authenticate': 'Bearer error="invalid_token"' } : {}) }).end(JSON.stringify(body));
  const token = request.headers.authorization?.match(/^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/)?.[1];
  if (!token) return answer(401, { error: 'a token is needed' });
  if (request.method !== 'GET' || request.url !== '/requests') return answer(404, { error: 'not found' });
  try {
    answer(200, await asPerson(pool, token, request.headers['x-organization'] ?? '', async (db) => ({
      email: (await db.query('SELECT email FROM tenancy.whoami()')).rows[0].email,
      requests: (await db.query('SELECT request_id FROM requests ORDER BY request_id')).rows.map((row) => row.request_id),
    })));
  } catch (error) {
    // Its DETAIL says what is wrong with a genuine token, and nothing about another one.
    answer(statusOf(error), { error: statusOf(error) === 500 ? 'internal error' : error.message, detail: error.code === '28000' ? error.detail : undefined, reason: error.code === '28000' ? error.constraint : undefined });
  }
});

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  const [command, issuer, audience, ...clients] = process.argv.slice(2);
  if (command === 'trust') {
    console.log(`${await trustProvider(pool, issuer, [audience], clients)} keys`);
    await pool.end();
  } else {
    api(pool).listen(process.env.PORT ?? 8080);
  }
}
