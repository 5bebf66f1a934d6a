// Node's clients of TLS: https, and http2 with many streams.
// node tls.js URL CERTIFICATE; prints one line of JSON.
'use strict';

const fs = require('fs');
const http2 = require('http2');
const https = require('https');

const [url, certificate] = process.argv.slice(2);
const ca = fs.readFileSync(certificate);

function viaHttps() {
  return new Promise((resolve, reject) => {
    https.get(`${url}/`, { ca }, (response) => {
      const protocol = response.socket.getProtocol();

      response.on('data', () => {});
      response.on('end', () => resolve([response.statusCode, protocol]));
    }).on('error', reject);
  });
}

function stream(session, headers, content) {
  return new Promise((resolve, reject) => {
    const request = session.request(headers);
    let length = 0;

    request.on('data', (data) => { length += data.length; });
    request.on('end', () => resolve(length));
    request.on('error', reject);
    request.end(content);
  });
}

async function viaHttp2() {
  const session = http2.connect(url, { ca, maxSessionMemory: 200 });
  const content = Buffer.alloc(1 << 20, 'x');
  const found = await Promise.all([...Array(50).keys()].map((i) => (i % 2
    ? stream(session, { ':path': '/f/big' })
    : stream(session, { ':path': '/do/echo-stream', ':method': 'POST' }, content))));

  session.close();
  return [session.alpnProtocol, [...new Set(found)].sort((a, b) => a - b)];
}

(async () => {
  console.log(JSON.stringify({ https: await viaHttps(), http2: await viaHttp2() }));
})();
