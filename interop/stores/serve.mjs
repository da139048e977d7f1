// Serves ClickHouse in this process like a server does over HTTP: POST / with SQL, in the parameter query, in the body, or
// in both. Parameters for the format of input are settings. It prints its port, and ends when standard input does.
//
//	node serve.mjs

import { createServer } from 'node:http';
import { Session } from 'chdb';

const session = new Session(); // in a temporary directory
const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const params = new URL(request.url, 'http://localhost').searchParams;
    const parameter = params.get('query');
    const body = Buffer.concat(parts).toString();
    try {
      for (const [name, value] of params) {
        if (/^(date_time_)?input_format\w*$/.test(name)) session.query(`set ${name} = '${value}'`);
      }
      response.end(session.query(parameter ? `${parameter}\n${body}` : body, 'TabSeparated'));
    } catch (error) {
      response.writeHead(500);
      response.end(`${error.message}\n`);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on('end', () => {
  session.cleanup();
  process.exit(0);
});
