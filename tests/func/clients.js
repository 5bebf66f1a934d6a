// Node's clients, one connection each: fetch, http.Agent, and undici with pipelining.
// node clients.js URL; prints one line of JSON.
'use strict';

const http = require('http');
const { Client } = require('undici');

const url = process.argv[2];

async function viaFetch() {
  const got = await fetch(`${url}/`);
  const posted = await fetch(`${url}/form`, { method: 'POST', body: 'x'.repeat(1000) });
  const moved = await fetch(`${url}/old`);
  const empty = await fetch(`${url}/empty`);
  const head = await fetch(`${url}/`, { method: 'HEAD' });

  return [await got.text(), posted.status, moved.status, moved.redirected, empty.status,
    head.headers.get('content-length'), await head.text()];
}

function ask(agent, path) {
  return new Promise((resolve, reject) => {
    http.get(`${url}${path}`, { agent }, (response) => {
      let body = '';

      response.on('data', (data) => { body += data; });
      response.on('end', () => resolve([response.statusCode, body, response.req.reusedSocket]));
    }).on('error', reject);
  });
}

async function viaAgent() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const replies = [];

  for (const path of ['/', '/empty', '/nope', '/'])
    replies.push(await ask(agent, path));
  agent.destroy();
  return replies.map(([status, , reused]) => [status, reused]);
}

async function pipelined() {
  const client = new Client(url, { pipelining: 10 });
  const paths = ['/', '/empty', '/nope', '/plaintext', '/same'];
  const asked = [];
  let connections = 0;

  client.on('connect', () => { connections += 1; });
  for (let i = 0; i < 500; i++)   // no HEAD: behind that it connects again
    asked.push(client.request({ path: paths[i % 5], method: 'GET' }).then(async (reply) => {
      await reply.body.text();
      return reply.statusCode;
    }));
  const statuses = await Promise.all(asked);
  await client.close();
  return { connections, statuses };
}

(async () => {
  const found = { fetch: await viaFetch(), agent: await viaAgent(), undici: await pipelined() };

  process.stdout.write(JSON.stringify(found));
})();
