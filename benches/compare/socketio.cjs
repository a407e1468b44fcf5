// Socket.IO: every client joins the room, and what is posted is emitted there.
const http = require('node:http');
const { createRequire } = require('node:module');
const { Server } = createRequire(`${process.argv[2]}/`)('socket.io');

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => (body += piece));
  request.on('end', () => {
    io.to('bench').emit('tick', body);
    response.end('ok');
  });
});
const io = new Server(server);
io.on('connection', (socket) => socket.join('bench'));
server.listen(27063, '127.0.0.1');
