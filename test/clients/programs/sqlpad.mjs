// SQLPad in a browser: for each login a connection and a saved query, which is opened, run, and read from the page.
// SCREENSHOT=FILE keeps a picture, as docs/clients has one.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { eventually, openBrowser } from './browser.mjs';
import { report } from './report.mjs';

const { PGHOST, PGPORT, PGPASSWORD, SUPERUSER, SCREENSHOT } = process.env;
const queryText = 'SELECT request_id, model FROM requests ORDER BY request_id';

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

async function startSqlpad() {
  const port = await freePort();
  const log = openSync('sqlpad.log', 'w');
  mkdirSync('sqlpad');
  const server = spawn(
    'node',
    ['../node_modules/sqlpad/server.js', '--ip', '127.0.0.1', '--port', port, '--dbPath', 'sqlpad'],
    { stdio: ['ignore', log, log] },
  );
  process.on('exit', () => server.kill());
  const url = `http://127.0.0.1:${port}`;
  await eventually('SQLPad', () => fetch(url));
  return url;
}

// The page's connection is the one of login.sql; the others have the logins that the world brings.
function connections() {
  const acme = { ...JSON.parse(readFileSync('connection.json')), host: PGHOST, port: PGPORT };
  const others = ['bad', 'mia', 'globex', 'nobody'].map((name) => [
    name,
    { ...acme, name, username: name, password: PGPASSWORD },
  ]);
  return Object.entries({ acme, ...Object.fromEntries(others) });
}

execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', SUPERUSER, '-f', 'login.sql']);
const url = await startSqlpad();
const browser = await openBrowser();

// Asks as the page itself would, with its cookie.
async function ask(path, body) {
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await browser.evaluate(
    `fetch('${path}', ${JSON.stringify(request)}).then((response) => response.json())`,
  );
  if (answer.error) throw new Error(answer.error);
  return answer;
}

async function seenInEditor(connection) {
  const { _id: connectionId } = (await ask('/api/connections', connection)).connection;
  const query = { name: connection.name, connectionId, queryText, tags: [] };
  const { _id: queryId } = (await ask('/api/queries', query)).query;
  await browser.open(`${url}/queries/${queryId}`);
  await eventually('the editor with the query', () =>
    browser.evaluate(`document.querySelector('input[placeholder="Query name"]').value === '${connection.name}' &&
      document.querySelector('select').selectedOptions[0].text === '${connection.name}'`));
  await browser.evaluate(`[...document.querySelectorAll('button')]
    .find((button) => button.innerText === 'Run').click()`);
  return eventually('the result', () =>
    browser.evaluate(`(() => {
      const pane = document.querySelector('.Pane2');
      const error = pane.querySelector('.bg-error');
      if (error) return [error.innerText];
      if (!/\\d rows/.test(pane.innerText)) return null;
      return [...pane.querySelectorAll('.truncate')]
        .filter((cell) => cell.parentElement.style.left === '0px')
        .map((cell) => cell.innerText);
    })()`));
}

try {
  await browser.open(url);
  await eventually('the page to sign up', () => browser.evaluate("document.body.innerText.includes('Sign')"));
  await ask('/api/signup', { email: 'olivia@acme.example', password: PGPASSWORD, passwordConfirmation: PGPASSWORD });
  for (const [name, connection] of connections()) {
    report('login', name, await seenInEditor(connection));
    if (SCREENSHOT && name === 'acme') await browser.screenshot(SCREENSHOT);
  }
} finally {
  await browser.close();
}
// SQLPad would go on.
process.exit();
