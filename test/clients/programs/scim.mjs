// A directory's requests, as Entra and Okta send them, by keys of two organizations.
import { request } from 'node:http';
import pg from 'pg';
import { scimServer } from './server.mjs';

const [host, user, database] = ['host', 'user', 'dbname'].map((name) => process.env.SUPERUSER.match(`${name}=(\\S+)`)[1]);
const dba = new pg.Client({ host, user, database });
await dba.connect();
const { rows: [made] } = await dba.query(`
  SELECT tenancy.create_group(organization => 'acme', name => 'support', open_to_sync => true) AS support,
         tenancy.create_group(organization => 'acme', name => 'closed') AS closed,
         tenancy.create_group(organization => 'globex', name => 'theirs', open_to_sync => true) AS theirs`);
await dba.query(`SELECT tenancy.set_group_role('acme/assistant', 'support', 'manager'), tenancy.set_group_role('acme/assistant', 'closed', 'manager')`);
const key = async (organization, scopes) => (await dba.query(`SELECT secret FROM tenancy.create_api_key('organization_service_key', 'Directory', $1, scopes => $2)`, [organization, JSON.stringify(scopes)])).rows[0].secret;
const bridge = ['team.list', 'team.view', 'team.sync_groups'];
const keys = { acme: await key('acme', bridge), globex: await key('globex', bridge), reader: await key('acme', ['team.list', 'team.view']), hr: await key('acme', 'all') };
await dba.query("SELECT tenancy.create_user('tom@acme.example')");
await dba.query("SELECT tenancy.set_organization_role('acme', 'tom@acme.example', 'member')");
const { rows: people } = await dba.query("SELECT user_id AS id, split_part(email, '@', 1) AS name FROM tenancy.users");
const id = Object.fromEntries(people.map((person) => [person.name, person.id]));
const name = Object.fromEntries(people.map((person) => [person.id, person.name]));

const pool = new pg.Pool({ max: 4 });
const server = scimServer(pool).listen(0, '127.0.0.1');
await new Promise((done) => server.once('listening', done));
const ask = async (who, method, path, body) => {
  const response = await fetch(`http://127.0.0.1:${server.address().port}/scim/v2${path}`,
    { method, headers: { ...(keys[who] ? { Authorization: `Bearer ${keys[who]}` } : {}), 'Content-Type': 'application/scim+json' }, body: body && JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, ...(text ? JSON.parse(text) : {}) };
};
const names = (group) => (group.members ?? []).map(({ value }) => name[value]).sort().join(' ');
const patch = (...Operations) => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations });
const say = (...words) => console.log('groups', ...words);

const found = await ask('acme', 'GET', `/Groups?filter=${encodeURIComponent('displayName eq "support"')}`);
say('found:', found.totalResults, found.Resources[0].id === made.support);
say('of nobody:', (await ask(undefined, 'GET', '/Groups')).status, (await fetch(`http://127.0.0.1:${server.address().port}/scim/v2/Groups`, { headers: { Authorization: 'Bearer pgt_wrong' } })).status);
say('of each:', (await ask('acme', 'GET', '/Groups')).Resources.map(({ displayName }) => displayName).join(' '), '|', (await ask('globex', 'GET', '/Groups')).Resources.map(({ displayName }) => displayName).join(' '));
say('added:', names(await ask('acme', 'PATCH', `/Groups/${made.support}`, patch({ op: 'Add', path: 'members', value: [{ value: id.mia }, { value: id.noah }] }))));
say('stored:', names(await ask('acme', 'GET', `/Groups/${made.support}`)));
say('removed by path:', names(await ask('acme', 'PATCH', `/Groups/${made.support}`, patch({ op: 'remove', path: `members[value eq "${id.noah}"]` }))));
say('replaced:', names(await ask('acme', 'PUT', `/Groups/${made.support}`, { displayName: 'support', members: [{ value: id.olivia }] })));
say('no member:', (await ask('acme', 'PATCH', `/Groups/${made.support}`, patch({ op: 'add', path: 'members', value: [{ value: id.mia }, { value: id.gina }] }))).status, names(await ask('acme', 'GET', `/Groups/${made.support}`)));
say('not open:', (await ask('acme', 'PATCH', `/Groups/${made.closed}`, patch({ op: 'add', path: 'members', value: [{ value: id.mia }] }))).status, `(${names(await ask('acme', 'GET', `/Groups/${made.closed}`))})`);
say('of others:', (await ask('acme', 'PATCH', `/Groups/${made.theirs}`, patch({ op: 'add', path: 'members', value: [{ value: id.mia }] }))).status, (await ask('acme', 'GET', `/Groups/${made.theirs}`)).status, (await ask('acme', 'GET', `/Users/${id.gina}`)).status);
say('reader:', (await ask('reader', 'PATCH', `/Groups/${made.support}`, patch({ op: 'replace', value: { members: [] } }))).status, (await ask('reader', 'POST', '/Users', { userName: 'eve@acme.example' })).status);
say('injected:', (await ask('acme', 'GET', `/Users?filter=${encodeURIComponent(`userName eq "x' OR true --"`)}`)).totalResults, (await ask('acme', 'GET', "/Groups/x'--")).status, (await ask('acme', 'GET', `/Users?filter=${encodeURIComponent('userName pr')}`)).status);
// All at once: no change is lost.
await ask('acme', 'PUT', `/Groups/${made.support}`, { members: [] });
await Promise.all(['mia', 'noah', 'olivia'].map((who) => ask('acme', 'PATCH', `/Groups/${made.support}`, patch({ op: 'add', path: 'members', value: [{ value: id[who] }] }))));
say('at once:', names(await ask('acme', 'GET', `/Groups/${made.support}`)));
say('emptied:', `(${names(await ask('acme', 'PATCH', `/Groups/${made.support}`, patch({ op: 'replace', value: { members: [] } })))})`);
const invited = await ask('hr', 'POST', '/Users', { userName: 'New@Acme.example' });
say('invited:', invited.status, invited.userName, invited.active, (await ask('hr', 'POST', '/Users', { userName: 'new@acme.example' })).status);
say('withdrawn:', (await ask('hr', 'DELETE', `/Users/${invited.id}`)).status, (await ask('hr', 'GET', `/Users/${invited.id}`)).status);
say('deactivated:', (await ask('hr', 'PATCH', `/Users/${id.tom}`, patch({ op: 'Replace', path: 'active', value: 'False' }))).active, (await ask('hr', 'GET', `/Users/${id.tom}`)).status);
say('last owner:', (await ask('hr', 'DELETE', `/Users/${id.olivia}`)).status);
// A membership that has ended does not come back by another change.
await dba.query("SELECT tenancy.sync_group('acme', 'support', ARRAY['mia@acme.example'], until => now() + interval '0.2 seconds')");
await new Promise((done) => setTimeout(done, 300));
say('ended:', `(${names(await ask('acme', 'GET', `/Groups/${made.support}`))})`, names(await ask('acme', 'PATCH', `/Groups/${made.support}`, patch({ op: 'add', path: 'members', value: [{ value: id.noah }] }))),
  (await dba.query('SELECT user_id FROM tenancy.group_members WHERE group_id = $1', [made.support])).rows.map(({ user_id }) => name[user_id]).join(' '));
say('in any case:', (await ask('acme', 'GET', `/Users?filter=${encodeURIComponent('userName eq "MIA@Acme.Example"')}`)).Resources.map(({ userName }) => userName).join(' '));
// What no client of HTTP sends by itself.
const raw = (path, { headers, parts = [], method = 'GET' } = {}) => new Promise((done, failed) => {
  const sent = request({ host: '127.0.0.1', port: server.address().port, path, method, headers: { Authorization: `Bearer ${keys.hr}`, ...headers } }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => done({ status: response.statusCode, ...(text ? JSON.parse(text) : {}) }));
  }).on('error', failed);
  sent.setNoDelay(true);
  parts.reduce((before, part) => before.then(() => { sent.write(part); return new Promise((next) => setTimeout(next, 100)); }), Promise.resolve()).then(() => sent.end());
});
say('addresses:', (await raw('//')).status, (await raw('/scim/v2/Users', { headers: { Host: 'a b:c' } })).status, (await raw('/scim/v2/Users/%zz')).status, (await raw('/scim/v2/Users/%00')).status,
  (await raw(`/scim/v2/Users?filter=${encodeURIComponent('userName eq "\\q"')}`)).status);
const bodies = ['{', 'null', '[]', '{"Operations": {}}', '{"Operations": [null]}', '{"Operations": [{"op": 1}]}', '{"Operations": [{"op": "add", "path": 1}]}', '{"Operations": [{"op": "add", "path": "members", "value": [null]}]}'];
say('bodies:', ...(await Promise.all(bodies.map((body) => raw(`/scim/v2/Groups/${made.support}`, { method: 'PATCH', parts: [body] })))).map(({ status }) => status),
  (await raw('/scim/v2/Users', { method: 'POST', parts: ['{"userName": 1}'] })).status, (await raw('/scim/v2/Users', { method: 'POST', parts: ['{}'] })).status,
  (await raw('/scim/v2/Users', { method: 'POST', parts: ['{"userName": "a\\u0000b@acme.example"}'] })).status);
const letters = Buffer.from('{"userName": "zoë@acme.example"}');
say('in two parts:', (await raw('/scim/v2/Users', { method: 'POST', parts: [letters.subarray(0, 17), letters.subarray(17)] })).userName);
// Connections that the server ends, an idle one and one in the middle of a request.
const end = () => dba.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'");
await dba.query('BEGIN; LOCK tenancy.groups IN ACCESS EXCLUSIVE MODE');
const waiting = ask('acme', 'GET', '/Groups');
await new Promise((done) => setTimeout(done, 500));
await end();
await dba.query('ROLLBACK');
await dba.query('ALTER ROLE shop NOLOGIN');
say('lost:', (await waiting).status, (await ask('acme', 'GET', '/Groups')).status);
await dba.query('ALTER ROLE shop LOGIN');
say('again:', (await ask('acme', 'GET', '/Groups')).status);
server.close();
await pool.end();
await dba.end();
