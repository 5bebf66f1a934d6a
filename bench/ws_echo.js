// A peer to compare with: node's ws. node ws_echo.js PORT
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1',
                                     perMessageDeflate: false });
server.on('connection', (ws) => {
    ws.on('message', (data, binary) => ws.send(data, { binary }));
});
