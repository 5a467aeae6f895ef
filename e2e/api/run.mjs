//! See run.sh.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { start } from '../console/program.mjs'

const examples = process.env.E2E_EXAMPLES ?? '25'
const config = `
packs = ["base", "cn"]
[auth]
mode = "keys"
[limits]
requests_per_minute = 0
`

/** What every page has to say to a browser. */
function careful(path, response, html) {
  const policy = response.headers.get('content-security-policy') ?? ''
  if (html) {
    assert.ok(policy.includes("frame-ancestors 'none'"), `${path}: it can be framed: ${policy}`)
    assert.ok(!policy.includes('unsafe-inline') && !policy.includes('unsafe-eval'), `${path}: ${policy}`)
    assert.ok(/script-src|default-src/.test(policy), `${path}: ${policy}`)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff', path)
  }
}

const program = await start({ config })
let failed = false
try {
  const as = { authorization: `Bearer ${program.adminKey}` }
  const document = await fetch(`${program.url}/openapi.json`).then((r) => r.json())
  let pages = 0
  const plain = Object.entries(document.paths).filter(([path, item]) => item.get && !path.includes('{') && !path.endsWith('/live')).map(([path]) => path)
  for (const path of [...plain, '/console', '/console/', '/console/records', '/console/../console/', '/admin/review', '/nowhere']) {
    const response = await fetch(program.url + path, { headers: as, redirect: 'manual' })
    const html = (response.headers.get('content-type') ?? '').startsWith('text/html')
    careful(path, response, html)
    pages += Number(html)
    if (path.startsWith('/admin/')) assert.match(response.headers.get('cache-control') ?? '', /no-store/, `${path} may be cached`)
    await response.body?.cancel()
  }
  assert.ok(pages >= 3, `only ${pages} pages were seen`)
  console.log(`ok: headers of ${plain.length} addresses, ${pages} of them pages`)
  const child = spawn('.cache/schemathesis/bin/schemathesis', [
    'run', `${program.url}/openapi.json`, '-H', `Authorization: Bearer ${program.adminKey}`,
    '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
    '--phases', 'examples,coverage,fuzzing', '--max-examples', examples, '--request-timeout', '20', '--generation-deterministic',
    // It would answer for ever; it would end the key that the calls are made with.
    '--exclude-path', '/admin/records/live', '--exclude-path-regex', '^/admin/keys/\\{id\\}$',
    '--continue-on-failure', ...process.argv.slice(2),
  ], { stdio: 'inherit' })
  const code = await new Promise((done) => child.once('exit', done))
  failed = code !== 0
  const alive = await fetch(`${program.url}/healthz`).then((r) => r.ok, () => false)
  assert.ok(alive, 'the program is gone')
  assert.ok(!/panicked|make the program panic/.test(program.output), program.output.slice(-4000))
} catch (error) {
  failed = true
  console.error(error)
} finally {
  await program.stop()
}
process.exit(failed ? 1 : 0)
