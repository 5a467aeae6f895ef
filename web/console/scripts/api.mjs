//! node scripts/api.mjs [--check]: src/api/schema.d.ts from the OpenAPI document that the program itself prints.
//!
//! --check changes nothing and fails where the file is not what the program says. MENSHEN=/path/to/menshen picks the binary.
import openapiTS, { astToString } from 'openapi-typescript'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { binary } from '../../../e2e/console/program.mjs'

const file = new URL('../src/api/schema.d.ts', import.meta.url)
const head = '/** Made by `npm run api` from `menshen openapi`; do not edit. */\n'
const program = binary()
const document = JSON.parse(execFileSync(program, ['openapi'], { encoding: 'utf8', maxBuffer: 64 << 20 }))
const text = head + astToString(await openapiTS(document))
if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(`src/api/schema.d.ts is not what ${program} says: run \`npm run api\` in web/console, and commit it\n`)
  process.exit(1)
}
