// A SCIM 2.0 endpoint: a directory (Entra, Okta, Google Workspace) says who belongs to an organization's groups.
//
//   DATABASE_URL=postgres://scim@localhost/shop PORT=8080 BASE_URL=https://scim.example node server.mjs        needs the package "pg"
//
// The bearer token that the directory is given is an API key of the organization. The server has no right of its own: its login
// needs none, and each request acts by its key, in a transaction, so that one server is for all organizations. See README.md.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

class Refused extends Error {
  constructor(status, detail, scimType) {
    super(detail);
    Object.assign(this, { status, scimType });
  }
}
// SQLSTATEs as statuses. What PostgreSQL's messages say is meant for whoever holds the key.
const statuses = { '28000': 401, '42501': 403, '42704': 404, '42710': 409, '23505': 409, '22023': 400, '22021': 400, '22P02': 404, '55000': 409, '54000': 413, '40001': 503, '40P01': 503 };

const user = ({ id, email, name, active }, base) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], id, userName: email, displayName: name ?? undefined, active: active === true,
  emails: [{ value: email, primary: true }], meta: { resourceType: 'User', location: `${base}/Users/${id}` },
});
const group = ({ id, name, members }, base) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], id, displayName: name, members: members.map((value) => ({ value })),
  meta: { resourceType: 'Group', location: `${base}/Groups/${id}` },
});
const list = (Resources, startIndex) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'], totalResults: Resources.length, startIndex, itemsPerPage: Resources.length, Resources,
});

// Members, and whoever has been invited and is no member until the invitation is accepted.
const users = async (db, where, value) => (await db.query(
  `SELECT * FROM (SELECT user_id AS id, email, name, active FROM tenancy.members
                  UNION ALL SELECT invitation_id, email, NULL, NULL FROM tenancy.invitations) u
   WHERE ${where} ORDER BY email`, value)).rows;
// Without those whose membership has ended: a change would make them members again, without an end.
const groups = async (db, where, value) => (await db.query(
  `SELECT g.group_id AS id, g.name, array(SELECT m.user_id::text FROM tenancy.group_members m
     WHERE m.group_id = g.group_id AND (m.ends_at IS NULL OR m.ends_at > now()) ORDER BY 1) AS members
   FROM tenancy.groups g WHERE ${where} ORDER BY g.name`, value)).rows;
const one = ([found], kind) => {
  if (!found) throw new Refused(404, `${kind} not found`);
  return found;
};

// The only filters that directories ask: ATTRIBUTE eq "VALUE".
const filtered = (filter, attribute, condition) => {
  if (!filter) return ['true', []];
  const [, name, value] = filter.match(/^\s*([\w.]+)\s+eq\s+("(?:[^"\\]|\\.)*")\s*$/i) ?? [];
  if (name?.toLowerCase() !== attribute.toLowerCase()) throw new Refused(400, `only ${attribute} eq "…" is supported`, 'invalidFilter');
  return [condition, [parsed(value)]];
};
const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(400, 'this is no JSON', 'invalidSyntax');
  }
};
// Whatever else a body contains, the types of what is read from it are these.
const checked = (body) => {
  const right = (thing, types) => thing !== null && typeof thing === 'object' && !Array.isArray(thing) &&
    Object.entries(types).every(([name, type]) => [type, 'undefined'].includes(typeof thing[name]));
  if (!right(body, { userName: 'string', displayName: 'string' }) ||
      !(body.Operations === undefined || (Array.isArray(body.Operations) && body.Operations.every((each) => right(each, { op: 'string', path: 'string' })))))
    throw new Refused(400, 'the body is no resource and no list of operations', 'invalidSyntax');
  return body;
};

const values = (members) => {
  const given = [members ?? []].flat().map((member) => (typeof member === 'string' ? member : member?.value));
  if (given.some((value) => typeof value !== 'string')) throw new Refused(400, 'members are given by their value', 'invalidValue');
  return given;
};

// The members after a PATCH, as RFC 7644 and, in the spelling of operations and paths, Entra have it.
const patched = (members, operations) => {
  let now = new Set(members);
  for (const { op, path, value } of operations ?? []) {
    const [, removed] = path?.match(/^members\[value eq "([^"]*)"\]$/i) ?? [];
    const target = removed !== undefined || path?.toLowerCase() === 'members' ? 'members' : path;
    const given = target === undefined ? value?.members : value;
    if (target === undefined && value?.members === undefined) continue; // of the name alone, which is the database's
    if (target !== undefined && target !== 'members') {
      if (target.toLowerCase() === 'displayname' || target.toLowerCase() === 'externalid') continue;
      throw new Refused(400, `"${path}" cannot be changed`, 'invalidPath');
    }
    switch (op?.toLowerCase()) {
      case 'add': values(given).forEach((id) => now.add(id)); break;
      case 'remove':
        if (removed !== undefined) now.delete(removed);
        else if (given === undefined) now = new Set();
        else values(given).forEach((id) => now.delete(id));
        break;
      case 'replace': now = new Set(values(given)); break;
      default: throw new Refused(400, `unknown operation "${op}"`, 'invalidSyntax');
    }
  }
  return [...now];
};

// One request. Groups are changed one at a time, since a change depends on who is in them before.
async function answer(db, method, [kind, id], filter, body, base) {
  if (kind === 'ServiceProviderConfig' && method === 'GET')
    return [200, { schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'], patch: { supported: true }, bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
      filter: { supported: true, maxResults: 1000 }, changePassword: { supported: false }, sort: { supported: false }, etag: { supported: false },
      authenticationSchemes: [{ type: 'oauthbearertoken', name: 'API key', description: 'An API key of the organization' }] }];
  if (kind === 'Users') {
    if (method === 'GET' && id === undefined) return [200, list((await users(db, ...filtered(filter, 'userName', 'lower(u.email) = lower($1)'))).map((found) => user(found, base)), 1)];
    if (method === 'POST' && id === undefined) {
      // Nobody becomes a member without consent: the answer is inactive until the invitation is accepted.
      if (!body.userName) throw new Refused(400, 'userName is missing', 'invalidValue');
      await db.query('SELECT tenancy.invite(organization => NULL, email => $1)', [body.userName]);
      return [201, user(one(await users(db, 'u.email = lower($1)', [body.userName]), 'user'), base)];
    }
    const found = one(await users(db, 'u.id::text = $1', [id]), 'user');
    const active = method === 'PATCH' ? body.Operations?.map(({ path, value }) => (path?.toLowerCase() === 'active' ? value : value?.active)).findLast((value) => value !== undefined) : body.active;
    if (method === 'DELETE' || ((method === 'PATCH' || method === 'PUT') && String(active).toLowerCase() === 'false')) {
      await db.query(found.active !== null ? 'SELECT tenancy.remove_organization_member(organization => NULL, member => $1)' : 'SELECT tenancy.withdraw_invitation($1)', [id]);
      return method === 'DELETE' ? [204] : [200, user({ ...found, active: false }, base)];
    }
    if (['GET', 'PATCH', 'PUT'].includes(method)) return [200, user(found, base)];
  }
  if (kind === 'Groups') {
    if (method === 'GET' && id === undefined) return [200, list((await groups(db, ...filtered(filter, 'displayName', 'g.name = $1'))).map((found) => group(found, base)), 1)];
    if (method === 'POST' && id === undefined) {
      // Made by an owner, who gives it roles; a directory finds it by its name.
      const [there] = await groups(db, 'g.name = $1', [body.displayName]);
      throw there ? new Refused(409, 'the group exists already', 'uniqueness') : new Refused(403, 'groups are created by tenancy.create_group(), open to sync');
    }
    await db.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [id]);
    const found = one(await groups(db, 'g.group_id::text = $1', [id]), 'group');
    if (method === 'GET') return [200, group(found, base)];
    if (method === 'PUT' || method === 'PATCH') {
      const members = method === 'PUT' ? values(body.members) : patched(found.members, body.Operations);
      await db.query('SELECT tenancy.sync_group(organization => NULL, "group" => $1, members => $2)', [found.name, members]);
      return [200, group({ ...found, members }, base)];
    }
  }
  throw new Refused(kind === 'Users' || kind === 'Groups' ? 405 : 404, 'not supported');
}

const read = async (request) => {
  let text = '';
  request.setEncoding('utf8'); // a character can lie in two parts
  for await (const part of request) {
    text += part;
    if (text.length > 1_000_000) throw new Refused(413, 'the request is too large');
  }
  return text === '' ? {} : checked(parsed(text));
};
// What the request is about: the parts of its path, and its filter. Neither is for the Host header to say.
const asked = (request) => {
  try {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    return [pathname.replace(/^\/scim\/v2/, '').split('/').filter(Boolean).map(decodeURIComponent), searchParams.get('filter')];
  } catch {
    throw new Refused(400, 'malformed address');
  }
};

// base: where the directory finds the server, as the resources' locations say.
export function scimServer(pool, base = 'http://localhost:8080') {
  // A connection that is lost would otherwise end node: an idle one by the pool's event, another by its own.
  pool.on('error', () => {}).on('connect', (db) => db.on('error', (error) => console.error(error.message)));
  return createServer(async (request, response) => {
    let status, result;
    const key = request.headers.authorization?.match(/^Bearer (\S+)$/i)?.[1];
    try {
      const body = await read(request);
      const [path, filter] = asked(request);
      if (!key) throw new Refused(401, 'a bearer token is needed');
      const db = await pool.connect().catch((error) => {
        console.error(error.message); // of the server's own login, and nothing about the key
        throw new Refused(503, 'the database cannot be reached');
      });
      try {
        await db.query('BEGIN');
        await db.query("SELECT set_config('tenancy.api_key', $1, true) IS NULL", [key]);
        await db.query('SELECT FROM tenancy.whoami()'); // before anything else is said
        [status, result] = await answer(db, request.method, path, filter, body, `${base}/scim/v2`);
        await db.query('COMMIT');
        db.release();
      } catch (error) {
        // A connection that cannot be rolled back is not for the next request.
        await db.query('ROLLBACK').then(() => db.release(), (broken) => db.release(broken));
        throw error;
      }
    } catch (error) {
      status = error.status ?? statuses[error.code] ?? (/^(08|53|57P)/.test(error.code) ? 503 : 500);
      if (status === 500) console.error(error);
      result = { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status), scimType: error.scimType, detail: status === 500 ? 'internal error' : error.message };
    }
    response.writeHead(status, { 'Content-Type': 'application/scim+json', ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}) });
    response.end(result === undefined ? '' : JSON.stringify(result));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  scimServer(new pg.Pool({ connectionString: process.env.DATABASE_URL }), process.env.BASE_URL).listen(process.env.PORT ?? 8080);
