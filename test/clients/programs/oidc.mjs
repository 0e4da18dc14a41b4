// A round trip with an OpenID Connect provider (oidc-provider, certified, from npm): a person logs in as with a browser, the application
// gets tokens by the code, and the API of the example passes them on to the database.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import pg from 'pg';
import { api, trustProvider } from './server.mjs';

const say = (...words) => console.log('people', ...words);
const [host, user, database] = ['host', 'user', 'dbname'].map((name) => process.env.SUPERUSER.match(`${name}=(\\S+)`)[1]);
const dba = new pg.Client({ host, user, database });
await dba.connect();

// --- the provider -------------------------------------------------------------------------------------------------------

const newKey = async (kid, alg, options) => ({ ...(await exportJWK((await generateKeyPair(alg, { extractable: true, ...options })).privateKey)), kid, alg, use: 'sig' });
const listening = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
let handler;
const front = createServer((request, response) => handler(request, response));
const issuer = `http://127.0.0.1:${await listening(front)}`;
const audience = 'https://api.shop.example';
const callback = 'http://127.0.0.1/callback';
const addresses = { mia: 'mia@acme.example', gina: 'gina@globex.example', eve: 'eve@elsewhere.example' };
const client = (client_id, alg) => ({ client_id, client_secret: `secret of ${client_id}`, redirect_uris: [callback], grant_types: ['authorization_code', 'refresh_token'], id_token_signed_response_alg: alg });
const begin = (keys) => {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [client('web', 'RS256'), client('phone', 'ES256'), client('desk', 'EdDSA'), client('stranger', 'RS256')],
    cookies: { keys: ['a key'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: addresses[id], email_verified: true }) }),
    extraTokenClaims: (_, token) => ({ email: addresses[token.accountId] }),
    issueRefreshToken: () => true,
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true, defaultResource: () => audience, useGrantedResource: () => true,
        getResourceServerInfo: (_, resource, { idTokenSignedResponseAlg: alg }) => ({ scope: 'requests logs.list', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg } } }),
      },
    },
  });
  handler = provider.callback();
};
const rsa = await newKey('rsa 1', 'RS256'), elliptic = await newKey('ec 1', 'ES256'), edwards = await newKey('ed 1', 'EdDSA', { crv: 'Ed25519' });
// What it advises against outside of development.
console.info = console.warn = () => {};
begin([rsa, elliptic, edwards]);

// --- the browser --------------------------------------------------------------------------------------------------------

// Logs in and consents in the provider's pages; returns the code.
async function code(parameters, login) {
  const cookies = new Map();
  let url = `${issuer}/auth?${new URLSearchParams(parameters)}`, form;
  for (let steps = 0; steps < 20; steps++) {
    const response = await fetch(url, {
      redirect: 'manual', method: form ? 'POST' : 'GET', body: form,
      headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), Accept: 'text/html' },
    });
    for (const cookie of response.headers.getSetCookie()) cookies.set(...cookie.match(/^([^=]+)=([^;]*)/).slice(1));
    form = undefined;
    const location = response.headers.get('location');
    if (location?.startsWith(callback)) return new URL(location).searchParams.get('code') ?? new Error(location);
    if (location) {
      url = new URL(location, url).href;
      continue;
    }
    const page = await response.text();
    const prompt = page.match(/name="prompt" value="(\w+)"/)?.[1];
    if (!prompt) throw new Error(`${response.status} ${page}`);
    url = new URL(page.match(/action="([^"]+)"/)[1], url).href;
    form = new URLSearchParams(prompt === 'login' ? { prompt, login, password: 'any' } : { prompt });
  }
  throw new Error('too many steps');
}

async function logIn(login, client_id = 'web', scope = 'openid email offline_access requests') {
  const verifier = randomBytes(32).toString('base64url');
  const found = await code({
    client_id, redirect_uri: callback, response_type: 'code', scope, prompt: 'consent', nonce: 'n', state: 's', resource: audience,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  }, login);
  return tokens(client_id, { grant_type: 'authorization_code', code: found, redirect_uri: callback, code_verifier: verifier });
}
async function tokens(client_id, parameters) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST', body: new URLSearchParams(parameters),
    headers: { Authorization: `Basic ${Buffer.from([client_id, `secret of ${client_id}`].map((part) => encodeURIComponent(part).replaceAll('%20', '+')).join(':')).toString('base64')}` },
  });
  const given = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(given));
  return given;
}

// --- the application ----------------------------------------------------------------------------------------------------

// One connection, so that each request comes after another's.
const pool = new pg.Pool({ max: 1 });
const server = api(pool);
const port = await listening(server);
const ask = async (token, organization) => {
  const response = await fetch(`http://127.0.0.1:${port}/requests`, { headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(organization ? { 'X-Organization': organization } : {}) } });
  const { email, requests, error, detail, reason } = await response.json();
  return response.ok ? [email, ...requests].join(' ') : [response.status, reason, detail ?? error].filter(Boolean).join(' ');
};

const mia = await logIn('mia');
say('before anybody trusts it:', await ask(mia.access_token));
say('trusted:', await trustProvider(dba, issuer, [audience, 'web'], ['web', 'phone', 'desk']), 'keys');
say('linked to nobody:', await ask(mia.access_token));
for (const name of ['mia', 'gina']) await dba.query('SELECT tenancy.link_identity($1, $2, $3)', [issuer, name, addresses[name]]);
say('access token:', await ask(mia.access_token));
say('ID token:', await ask(mia.id_token));
const gina = await logIn('gina', 'phone');
say('another person, ES256:', await ask(gina.access_token));
say('on the phone, EdDSA:', await ask((await logIn('mia', 'desk')).access_token));
say('nobody:', await ask(undefined));
say('a person whom nobody knows:', await ask((await logIn('eve')).access_token));
say("another application's:", await ask((await logIn('mia', 'stranger')).access_token));
say('an ID token of another application:', await ask(gina.id_token));
say('a refresh token:', await ask(mia.refresh_token));
say('changed:', await ask(mia.access_token.replace(/\.([^.]+)\./, (_, claims) => `.${Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url')), sub: 'gina' })).toString('base64url')}.`)));
say('refreshed:', await ask((await tokens('web', { grant_type: 'refresh_token', refresh_token: mia.refresh_token })).access_token));
say('narrowed by its scope:', await ask((await logIn('mia', 'web', 'openid logs.list')).access_token));
// In two organizations, a person says which.
await dba.query("SELECT tenancy.set_organization_role('globex', 'mia@acme.example', 'member'), tenancy.set_workspace_role('globex/support', 'mia@acme.example', 'member')");
say('of two organizations:', await ask(mia.access_token), '|', await ask(mia.access_token, 'acme'), '|', await ask(mia.access_token, 'globex'), '|', await ask(gina.access_token, 'acme'));
await dba.query("SELECT tenancy.remove_organization_member('globex', 'mia@acme.example')");
say('removed from one:', await ask(mia.access_token), '|', await ask(mia.access_token, 'globex'));
// Requests of all people at once over one connection
const both = [[mia.access_token, await ask(mia.access_token)], [gina.access_token, await ask(gina.access_token)], [undefined, await ask(undefined)]];
say('at once:', (await Promise.all(Array.from({ length: 60 }, async (_, n) => (await ask(both[n % 3][0])) === both[n % 3][1]))).filter(Boolean).length, 'right');
// The provider changes its key: published first, then used, then the old one is withdrawn.
const next = await newKey('rsa 2', 'RS256');
begin([next, rsa, elliptic, edwards]);
const later = await logIn('mia');
say('a new key, not yet read:', await ask(later.access_token));
say('trusted:', await trustProvider(dba, issuer, [audience, 'web'], ['web', 'phone', 'desk']), 'keys');
say('both keys:', await ask(later.access_token), '|', await ask(mia.access_token));
begin([next, elliptic, edwards]);
await trustProvider(dba, issuer, [audience, 'web'], ['web', 'phone', 'desk']);
say('the old key withdrawn:', await ask(later.access_token), '|', await ask(mia.access_token));
await dba.query("SELECT tenancy.remove_organization_member('acme', 'mia@acme.example')");
say('removed:', await ask(later.access_token));
await dba.query('SELECT tenancy.trust_issuer(NULL, $1, NULL, NULL)', [issuer]);
say('no longer trusted:', await ask(gina.access_token));
await Promise.all([pool.end(), dba.end()]);
for (const each of [front, server]) each.close(), each.closeAllConnections();
