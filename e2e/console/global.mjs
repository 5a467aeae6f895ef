//! Before the tests: the program, filled. After them: gone, and its folder with it.
//!
//! CONSOLE_STATE=FILE takes one that runs already, started with `node e2e/console/demo.mjs --state FILE`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from './program.mjs'
import { seed } from './seed.mjs'

export default async function () {
  if (process.env.CONSOLE_STATE) return undefined
  const began = Date.now()
  const program = await start()
  const folder = mkdtempSync(join(tmpdir(), 'menshen-state-'))
  const end = async () => { await program.stop(); rmSync(folder, { recursive: true, force: true }) }
  try {
    const file = join(folder, 'state.json')
    writeFileSync(file, JSON.stringify(await seed(program)), { mode: 0o600 })
    process.env.CONSOLE_STATE = file
  } catch (error) {
    process.stderr.write(program.output)
    await end()
    throw error
  }
  process.stdout.write(`the program stands at ${program.url}, filled in ${((Date.now() - began) / 1000).toFixed(1)} s\n`)
  return end
}
