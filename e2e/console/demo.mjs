//! The real program with something in it, to look at: node e2e/console/demo.mjs [--port 8791] [--bare] [--state FILE]
//!
//! --bare: no account and no traffic yet, as after the first start. --state: writes what tests need to know, for CONSOLE_STATE=FILE.
//! Ctrl-C ends it and removes what it wrote.
import { writeFileSync } from 'node:fs'
import { start } from './program.mjs'
import { PASSWORD, seed } from './seed.mjs'

const after = (flag) => { const at = process.argv.indexOf(flag); return at < 0 ? undefined : process.argv[at + 1] }
const program = await start({ port: Number(after('--port') ?? 8791) })
const end = () => { void program.stop().then(() => process.exit(0)) }
process.once('SIGINT', end)
process.once('SIGTERM', end)
process.stdout.write(program.output)
if (!process.argv.includes('--bare')) {
  const state = await seed(program).catch(async (error) => { await program.stop(); throw error })
  const file = after('--state')
  if (file) writeFileSync(file, JSON.stringify(state), { mode: 0o600 })
  process.stdout.write(`\n${program.url}/console/\nsign in as ${Object.values(state.people).map((p) => p.name).join(', ')}; password: ${PASSWORD}\n`)
}
