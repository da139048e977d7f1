// Runs SQL in a database that lives in this process.
//
//	node run.mjs duckdb|clickhouse < statements
//
// The input is a JSON array of statements. The output has, for each, an array of rows, which are objects.

import { readFileSync, writeSync } from 'node:fs';

const statements = JSON.parse(readFileSync(0, 'utf8'));
const answers = [];
switch (process.argv[2]) {
  case 'duckdb': {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    for (const statement of statements) {
      answers.push((await connection.runAndReadAll(statement)).getRowObjectsJson());
    }
    break;
  }
  case 'clickhouse': {
    const { Session } = await import('chdb');
    const session = new Session(); // in a temporary directory
    for (const statement of statements) {
      const out = session.query(statement, 'JSONEachRow');
      answers.push(out.split('\n').filter((line) => line).map((line) => JSON.parse(line)));
    }
    session.cleanup();
    break;
  }
  default:
    throw new Error('want duckdb or clickhouse');
}
const out = JSON.stringify(answers);
for (let at = 0; at < out.length; at += 65536) writeSync(1, out.slice(at, at + 65536));
process.exit(0); // DuckDB's threads would go on
