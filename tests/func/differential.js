// How node's HTTP server parses requests. A line of standard input has the bytes of a client, in
// hexadecimal digits; a line of standard output has the number of complete requests, and the error
// in the bytes behind them, if there was one.
'use strict';

const http = require('http');
const readline = require('readline');
const { Duplex } = require('stream');

const server = http.createServer((request, response) => {
  request.socket.requests.push(request);
  request.resume();
  response.end();
});

function refuse(socket, why) {
  socket.wrong = why;
  socket.destroy();
}

server.on('clientError', (error, socket) => refuse(socket, error.code));
server.on('connect', (request, socket) => refuse(socket, 'CONNECT'));
server.on('checkExpectation', (request) => refuse(request.socket, 'EXPECT'));

// One client: all its bytes, then the end.
function ask(data) {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read() {},
      write(chunk, encoding, done) {
        if (chunk.includes('HTTP/1.1 400 '))   // to a missing Host; there is no event for it
          socket.wrong = 'HOST';
        done();
      },
    });

    Object.assign(socket, { requests: [], wrong: '', setTimeout() {}, setNoDelay() {} });
    socket.on('close', () => {
      // "end" comes later than the errors of requests behind this one
      const whole = socket.requests.filter((request) => request.complete).length;

      resolve(`${whole} ${socket.wrong}`);
    });
    server.emit('connection', socket);
    socket.push(data);
    socket.push(null);
  });
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin }))
    process.stdout.write(`${await ask(Buffer.from(line, 'hex'))}\n`);
})();
