// A headless Chromium (Debian's), driven by its DevTools protocol.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Asks until there is an answer.  A failure to ask is no answer; the last one says why there was none.
export async function eventually(what, ask) {
  let failure;
  for (let i = 0; i < 600; i++) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      failure = error;
    }
    await pause(100);
  }
  throw new Error(`${what}: waited in vain`, { cause: failure });
}

export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'browser.'));
  // Its sandbox refuses to run as root, and it only sees the page that the test serves.
  const chromium = spawn('chromium', [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--window-size=1200,640',
    '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank',
  ], { stdio: 'ignore' });
  process.on('exit', () => chromium.kill());
  const portFile = join(profile, 'DevToolsActivePort');
  const port = await eventually('Chromium', () => readFileSync(portFile, 'utf8').split('\n')[0]);
  const page = await eventually('a page of Chromium', async () =>
    (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()).find((target) => target.type === 'page'));
  const socket = new WebSocket(page.webSocketDebuggerUrl);
  await once(socket, 'open');

  let calls = 0;
  const waiting = new Map();
  socket.on('message', (data) => {
    const { id, result, error } = JSON.parse(data);
    if (!waiting.has(id)) return;
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  });
  const call = (method, params = {}) =>
    new Promise((resolve, reject) => {
      calls += 1;
      waiting.set(calls, { resolve, reject });
      socket.send(JSON.stringify({ id: calls, method, params }));
    });

  const evaluate = async (expression) => {
    const options = { returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, ...options });
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
    return result.value;
  };
  return {
    evaluate,
    open: (url) => call('Page.navigate', { url }),
    screenshot: async (file) =>
      writeFileSync(file, Buffer.from((await call('Page.captureScreenshot', { format: 'png' })).data, 'base64')),
    close: async () => {
      socket.close();
      chromium.kill();
      await once(chromium, 'exit');
      // Its own processes may still write there.
      rmSync(profile, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
    },
  };
}
