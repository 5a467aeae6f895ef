//! The real program on a free port and a fresh data folder, before a scripted model. For the tests, for the pictures, and for whoever works
//! on the pages (`demo.mjs`).
//!
//! MENSHEN=/path/to/menshen picks the binary; otherwise the newest of target/debug and target/release (or of CARGO_TARGET_DIR).
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startUpstream } from './upstream.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

export function binary() {
  if (process.env.MENSHEN) return process.env.MENSHEN
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  const built = ['release', 'debug'].map((kind) => join(target, kind, 'menshen')).flatMap((path) => { const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs; return at ? [{ path, at }] : [] })
  const newest = built.sort((a, b) => b.at - a.at)[0]
  if (!newest) throw new Error(`there is no menshen below ${target}: build it (make console build), or say where it is: MENSHEN=/path/to/menshen`)
  return newest.path
}

export async function freePort() {
  const server = createServer()
  await new Promise((done, failed) => { server.once('error', failed); server.listen(0, '127.0.0.1', done) })
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

/** What differs from the defaults: an application that is only watched, for plain answers, and one for minors. */
const CONFIG = `
packs = ["base", "cn", "demo"]
pack_folders = [${JSON.stringify(join(root, 'e2e/console/packs'))}]

[limits]
strikes_in_a_row = 3

[cases]
public = true
public_per_hour = 600

[label]
producer = "001191110102MACQD9K64010000"
explicit = "none"

[apps.monitor]
monitor = true

[apps.tutor]
scene = "minors"
`

/**
 * Starts the program; what it says is kept in `output`.
 * @param {{ port?: number, upstream?: boolean, config?: string, env?: Record<string, string> }} [how]
 */
export async function start(how = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'menshen-e2e-'))
  const model = how.upstream === false ? null : await startUpstream()
  const port = how.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  writeFileSync(join(folder, 'menshen.toml'), `listen = "127.0.0.1:${port}"\ndata_dir = ${JSON.stringify(join(folder, 'data'))}\n${how.config ?? CONFIG}`)
  // Settings of whoever runs the tests must not reach the program.
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MENSHEN')))
  const child = spawn(binary(), ['serve'], { cwd: folder, env: { ...clean, MENSHEN_LOG: 'warn', ...(model ? { MENSHEN_UPSTREAM: model.url } : {}), ...how.env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const state = { output: '', ended: false }
  child.stdout.on('data', (part) => { state.output += part })
  child.stderr.on('data', (part) => { state.output += part })
  child.once('error', (error) => { state.output += String(error); state.ended = true })
  child.once('exit', () => { state.ended = true })
  const stop = async () => {
    model?.stop()
    if (!state.ended) {
      const gone = new Promise((done) => child.once('exit', done))
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(late)
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const until = Date.now() + 180_000
  for (;;) {
    if (state.ended || Date.now() > until) { await stop(); throw new Error(`menshen serve did not come up:\n${state.output}`) }
    const live = await fetch(`${url}/healthz`).then((r) => r.ok, () => false)
    if (live && /\n {2}try /.test(state.output)) break
    await new Promise((done) => setTimeout(done, 50))
  }
  if (state.output.includes('not built in')) { await stop(); throw new Error(`${binary()} has no pages built in: make console, then build it again`) }
  return {
    url, port, folder, model, stop, pid: child.pid,
    get output() { return state.output },
    adminKey: /admin key\s+(msk_\S+)/.exec(state.output)?.[1] ?? '',
    setupToken: /set up\s+(?:\S*token=)?(\S+)/.exec(state.output)?.[1] ?? '',
  }
}

/** The six digits of an authenticator (RFC 6238) at a moment. */
export function totp(secret, at = Date.now()) {
  let bits = ''
  for (const letter of secret.replace(/=+$/, '')) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => Number.parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  const from = mac[19] & 15
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** Somebody who calls the program: by a key, or signed in as the pages are. */
export class Client {
  constructor(url, key = '') { this.url = url; this.key = key; this.cookie = ''; this.csrf = '' }

  async signIn(name, password, code) {
    const said = await this.call('POST', '/console/api/session', { name, password, ...(code ? { code } : {}) })
    this.csrf = said.csrf
    return said
  }

  async send(method, path, body, headers = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.key ? { authorization: `Bearer ${this.key}` } : {}),
        ...(this.cookie ? { cookie: this.cookie } : {}), ...(this.csrf ? { 'x-menshen-csrf': this.csrf } : {}), ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
    if (cookie) this.cookie = cookie
    return response
  }

  /** The answer's JSON; an answer that is no success is an error that says all. */
  async call(method, path, body, headers) {
    const response = await this.send(method, path, body, headers)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}
