//! Serves `dist` and answers as the contract of the console has it, with made-up data. For tests and for work on the pages.
//!
//! node mock/server.mjs [--port 8791] [--setup] [--empty] [--slow MS]
//!   --setup  no owner yet: the first-run page      --empty  nothing recorded yet: the empty states
import { randomBytes } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as made from './data.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const dist = join(here, '..', 'dist')
const has = (flag) => process.argv.includes(flag)
const after = (flag, otherwise) => (has(flag) ? process.argv[process.argv.indexOf(flag) + 1] : otherwise)
const port = Number(after('--port', '8791'))
let needed = has('--setup')
const empty = has('--empty')
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.json': 'application/json' }
const live = new Map()
const reviews = empty ? [] : made.reviews.map((r) => ({ ...r }))
const keys = empty ? [] : made.keys.map((k) => ({ ...k }))
const ranges = new Map()
const submissions = empty ? [] : [...made.submissions]
const cookieOf = (request) => /(?:^|; )menshen_session=([a-f0-9]+)/.exec(request.headers.cookie ?? '')?.[1]

class Refusal extends Error { constructor(status, code, message, param) { super(message); Object.assign(this, { status, code, param }) } }
const refuse = (status, code, message, param) => { throw new Refusal(status, code, message, param) }

async function read(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}
const json = async (request) => { const body = await read(request); try { return body.length ? JSON.parse(body.toString('utf8')) : {} } catch { return refuse(400, 'invalid_request', 'the body is not JSON') } }

function judge(text) {
  const find = []
  for (const [detector, pattern] of [['pii.cn.mobile', /1[3-9]\d{9}/], ['pii.email', /[\w.]+@[\w.]+\.\w+/], ['attack.override', /忽略以上[^，。]*|ignore (all|the)[^.]*above|ignore all rules/i], ['attack.persona', /从不拒绝|never refuses/i], ['attack.invisible', /[\u200b]/]]) {
    const match = pattern.exec(text)
    if (match) find.push([detector, match[0]])
  }
  const attack = find.some(([d]) => d.startsWith('attack'))
  const personal = find.some(([d]) => d.startsWith('pii'))
  const medical = /布洛芬|ibuprofen/i.test(text)
  const action = attack ? 'decline' : personal ? 'redact' : medical ? 'guide' : 'pass'
  const verdict = made.verdictOf({ text, action, rule: attack ? 'base/prompt-theft@2' : personal ? 'base/pii-identifiers-in@1' : medical ? 'cn/medical-advice@3' : undefined, risk: personal ? 'A4f' : medical ? 'A4a' : undefined, attack: attack ? 'H6' : undefined, topic: medical ? 'health.medication' : 'other', find })
  return { side: 'input', disposition: action, outcome: action === 'pass' ? 'allowed' : 'intervened', ...(verdict.rule ? { rule: verdict.rule } : {}), risk: verdict.risk, attack: verdict.attack, intent: verdict.intent, topic: verdict.topic, sentiment: verdict.sentiment, findings: verdict.findings, principles: verdict.principles, ...(attack ? { reply: '这个请求我帮不了您。换个问题，我很乐意帮忙。' } : {}), monitored: [], unavailable: [], stages: verdict.stages, took_us: 240 }
}

function overview(query) {
  const to = Date.parse(query.get('to')) || Date.now()
  const from = Date.parse(query.get('from')) || to - 86_400_000
  const bucket = query.get('bucket') ?? 'hour'
  const width = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[bucket]
  const inside = empty ? [] : made.records.filter((r) => Date.parse(r.at) >= from && Date.parse(r.at) < to && (!query.get('app') || r.app === query.get('app')))
  const buckets = []
  for (let at = Math.floor(from / width) * width; at < to; at += width) buckets.push({ at: new Date(at).toISOString(), outcomes: {}, actions: {} })
  const first = Math.floor(from / width)
  const bump = (of, key) => { if (key) of[key] = (of[key] ?? 0) + 1 }
  const outcomes = { allowed: 0, intervened: 0, unavailable: 0, invalid: 0 }
  const [actions, apis, rules, attacks, risks] = [{}, {}, {}, {}, {}]
  for (const r of inside) {
    const i = Math.floor(Date.parse(r.at) / width) - first
    bump(outcomes, r.outcome); bump(actions, r.action); bump(apis, r.api); bump(rules, r.rule)
    if (buckets[i]) { bump(buckets[i].outcomes, r.outcome); bump(buckets[i].actions, r.action) }
    for (const c of r.full.verdict.input.attack.classes) bump(attacks, c.id)
    if (r.risk) { risks[r.risk] ??= { id: r.risk, count: 0, series: buckets.map(() => 0) }; risks[r.risk].count += 1; if (i in risks[r.risk].series) risks[r.risk].series[i] += 1 }
  }
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), bucket, requests: inside.length, outcomes, actions, apis, series: buckets, risks: Object.values(risks), attacks: Object.entries(attacks).map(([id, count]) => ({ id, count })), rules: Object.entries(rules).map(([rule, count]) => ({ rule, count })), latency: { total: { p50_ms: 412, p95_ms: 880, p99_ms: 1420 }, input: { p50_ms: 0.24, p95_ms: 0.71, p99_ms: 1.9 }, output: { p50_ms: 0.31, p95_ms: 1.2, p99_ms: 3.4 } }, tokens: inside.length * 310, saved: { standard_answers: actions.answer ?? 0, declined_before_model: (actions.decline ?? 0) + (actions.block ?? 0), tokens_estimated: ((actions.answer ?? 0) + (actions.decline ?? 0)) * 420 } }
}

const row = ({ full, previous, hash, kind, ...rest }) => rest // eslint-disable-line @typescript-eslint/no-unused-vars
function list(query) {
  const before = Number(query.get('before')) || Infinity
  const same = (name) => !query.get(name)
  const hits = (empty ? [] : [...made.records].reverse()).filter((r) => r.seq < before && ['outcome', 'action', 'app', 'user', 'rule', 'risk'].every((n) => same(n) || String(r[n]) === query.get(n)) && (same('from') || r.at >= query.get('from')) && (same('to') || r.at < query.get('to')))
  const page = hits.slice(0, Number(query.get('limit')) || 50)
  return { records: page.map(row), next: hits.length > page.length ? page[page.length - 1].seq : null }
}

const packs = { packs: { base: '2026.11.1', cn: '2026.11.1', intl: '2026.11.1' }, engine: 'engine-4f2a9c', keywords: 4211, patterns: 187, rules: 96, principles: 42, answers: 230, shadow: null, errors: 1, diagnostics: ['packs/school/rules/homework.toml:14: `then.action` is "gide"; did you mean "guide"?', 'packs/cn/keywords/names.toml:3: the list is empty; remove it or add words'] }

const routes = [
  ['GET', /^\/healthz$/, () => ({ status: 'ok' }), true],
  ['GET', /^\/openapi\.json$/, () => ({ info: { title: 'Menshen', version: '0.1.0', license: { name: 'Apache-2.0' } } }), true],
  ['GET', /^\/readyz$/, () => ({ status: 'ready', checks: { store: 'ok', packs: 'ok', upstream: 'ok' } }), true],
  ['GET', /^\/metrics$/, () => ({}), true],
  ['GET', /^\/console\/api\/setup$/, () => ({ needed, steps: { owner: !needed, upstream: true, key: true, answers: false } }), true],
  ['POST', /^\/console\/api\/setup\/owner$/, async (c) => { const b = await json(c.request); if (b.token !== 'demo-token') refuse(403, 'forbidden', 'The set-up token is not right; it stands in the start-up lines.'); needed = false; return { id: 'p1' } }, true],
  ['GET', /^\/admin\/taxonomy$/, () => made.taxonomy],
  ['GET', /^\/admin\/overview$/, (c) => overview(c.query)],
  ['GET', /^\/admin\/records$/, (c) => list(c.query)],
  ['GET', /^\/admin\/records\/([^/]+)$/, (c, id) => { const r = made.records.find((x) => x.request_id === id); if (!r) refuse(404, 'not_found', 'There is no record of this request.'); const { full, previous, hash, ...rest } = r; return { records: [{ ...rest, ...full }], proof: { seq: r.seq, hash, previous, sealed: true, head_seq: made.records.length, whole: true } } }],
  ['POST', /^\/admin\/records\/([^/]+)\/feedback$/, async (c) => { const b = await json(c.request); if (!['false_positive', 'missed', 'right'].includes(b.verdict)) refuse(400, 'invalid_request', 'verdict', 'verdict'); return {} }],
  ['GET', /^\/admin\/packs$/, () => packs],
  ['POST', /^\/admin\/reload$/, () => packs],
  ['GET', /^\/admin\/audit\/verify$/, () => ({ whole: true, rows: made.records.length, first: 1, last: made.records.length, broken: null })],
  ['GET', /^\/admin\/reviews$/, () => ({ reviews: reviews.filter((r) => !r.decision) })],
  ['POST', /^\/admin\/reviews\/(\d+)$/, async (c, id) => { const b = await json(c.request); const r = reviews.find((x) => x.id === Number(id)); if (!r) refuse(404, 'not_found', 'There is no such review.'); if (r.decision) refuse(409, 'conflict', 'Somebody has decided it already.'); Object.assign(r, { decision: b.decision, note: b.note ?? null }); return { id: r.id, decision: b.decision } }],
  ['GET', /^\/mock\/reviews$/, () => ({ reviews })],
  ['GET', /^\/admin\/agreements$/, () => ({ agreements: empty ? [] : made.agreements })],
  ['POST', /^\/admin\/agreements$/, async (c) => { const b = await json(c.request); const a = { id: `ag-${made.agreements.length + 1}`, tenant: 'default', user: null, until_us: null, ...b, since_us: Date.now() * 1000, by: 'chen', withdrawn_us: null, withdrawn_by: null }; made.agreements.push(a); return a }],
  ['DELETE', /^\/admin\/agreements\/([^/]+)$/, (c, id) => { const a = made.agreements.find((x) => x.id === id); if (a) a.withdrawn_us = Date.now() * 1000; return { withdrawn: id } }],
  ['GET', /^\/admin\/keys$/, () => ({ keys })],
  ['POST', /^\/admin\/keys$/, async (c) => { const b = await json(c.request); const k = { id: `k_${randomBytes(3).toString('hex')}`, tenant: 'default', app: 'default', tier: null, scene: null, requests_per_minute: null, tokens_per_minute: null, created_us: Date.now() * 1000, expires_us: b.expires_in_s ? (Date.now() + b.expires_in_s * 1000) * 1000 : null, revoked_us: null, ...b }; keys.unshift(k); return { ...k, key: `msk_${randomBytes(18).toString('base64url')}` } }],
  ['DELETE', /^\/admin\/keys\/([^/]+)$/, (c, id) => { const k = keys.find((x) => x.id === id); if (k) k.revoked_us = Date.now() * 1000; return { revoked: id } }],
  ['GET', /^\/admin\/people$/, () => ({ people: made.people })],
  ['POST', /^\/admin\/people$/, async (c) => { const b = await json(c.request); const p = { id: `p${made.people.length + 1}`, name: b.name, display: b.display, roles: b.roles, tenant: b.tenant, created: new Date().toISOString(), last_seen: null, disabled: false, totp: false }; made.people.push(p); return p }],
  ['POST', /^\/admin\/people\/me\/totp$/, () => ({ secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Menshen:chen?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Menshen' })],
  ['POST', /^\/admin\/people\/me\/totp\/confirm$/, () => ({})],
  ['PATCH', /^\/admin\/people\/([^/]+)$/, async (c, id) => Object.assign(made.people.find((p) => p.id === id) ?? {}, await json(c.request))],
  ['DELETE', /^\/admin\/people\/([^/]+)$/, (c, id) => { made.people.splice(made.people.findIndex((p) => p.id === id), 1); return {} }],
  ['POST', /^\/admin\/people\/([^/]+)\/password$/, () => ({})],
  ['GET', /^\/admin\/sessions$/, () => ({ sessions: made.sessions })],
  ['DELETE', /^\/admin\/sessions\/([^/]+)$/, () => ({})],
  ['POST', /^\/v1\/guard$/, async (c) => judge((await json(c.request)).text ?? '')],
  ['GET', /^\/v1\/models$/, () => ({ object: 'list', data: [{ id: 'demo-chat' }, { id: 'demo-chat-mini' }] })],
  ['POST', /^\/v1\/labels\/(read|inspect)$/, async (c, what) => {
    const body = await read(c.request)
    const marked = body.includes('"AIGC"')
    const labels = marked ? [{ place: 'png iTXt AIGC', by_the_book: true, offset: 57, value: '{"AIGC":{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"<img src=x onerror=window.__owned=10>","ReservedCode1":"","ContentPropagator":"","PropagateID":"","ReservedCode2":""}}' }] : []
    const base = { format: extname(c.query.get('name') ?? '').slice(1) || 'text', state: marked ? 'compliant' : 'not_found', labels, faults: [], problem: null }
    if (what === 'read') return base
    const declared = c.query.get('declared') === 'true'
    const decision = marked ? 'confirmed' : declared ? 'possible' : 'none'
    return { ...base, decision, clause: decision === 'none' ? null : '《标识办法》第六条', grounds: marked ? [{ ground: 'label', label: '1' }] : declared ? [{ ground: 'declared' }] : [], notice: decision === 'none' ? null : { zh: '本内容由人工智能生成', en: 'This content was generated by AI' }, label_to_write: decision === 'none' ? null : { Label: '2', ContentPropagator: 'demo' } }
  }],
  ['POST', /^\/v1\/labels\/add$/, async (c) => { const body = await read(c.request); c.response.writeHead(200, { 'content-type': 'application/octet-stream' }); c.response.end(Buffer.concat([body, Buffer.from('\n{"AIGC":{"Label":"1"}}\n')])); return undefined }],
  ['GET', /^\/admin\/redteam\/campaigns$/, () => ({ campaigns: empty ? [] : made.campaigns.map((c) => ({ id: c.id, name: c.name, state: c.state, created_us: c.created_us, running_here: c.running_here, summary: { target: c.target, progress: { done: c.done, of: c.of, successes: c.successes, unscored: 6, failed: 3 } } })) })],
  ['POST', /^\/admin\/redteam\/plans$/, async (c) => { const b = await json(c.request); return { version: 1, name: 'plan', need: b.need, target: b.target, items: [{ owasp: 'LLM07', samples: 4, techniques: ['plain', 'persona_twin'] }] } }],
  ['POST', /^\/admin\/redteam\/campaigns$/, () => ({ id: made.campaigns[1].id, state: 'running', of: 900 })],
  ['GET', /^\/admin\/redteam\/campaigns\/([^/]+)$/, (c, id) => made.campaignPage(made.campaigns.find((x) => x.id === id) ?? refuse(404, 'not_found', 'There is no such campaign.'))],
  ['GET', /^\/admin\/redteam\/campaigns\/([^/]+)\/attempts$/, () => ({ attempts: made.attempts })],
  ['POST', /^\/admin\/redteam\/campaigns\/([^/]+)\/(stop|resume)$/, () => ({ state: 'stopping' })],
  ['GET', /^\/admin\/range\/targets$/, () => ({ targets: empty ? [] : made.targets })],
  ['POST', /^\/admin\/range\/sessions$/, async (c) => { const b = await json(c.request); const s = { id: `session-${ranges.size + 1}`, range: b.target, player: b.player ?? 'chen', transcript: [] }; ranges.set(s.id, s); return s }],
  ['POST', /^\/admin\/range\/sessions\/([^/]+)\/turns$/, async (c, id) => { const b = await json(c.request); const s = ranges.get(id) ?? refuse(404, 'not_found', 'There is no such session.'); const won = /口令|flag/i.test(b.text); s.transcript.push({ speaker: 'user', text: b.text }, { speaker: 'assistant', text: won ? '口令是 MENSHEN-JADE-17。' : '我在听。 / I am listening.' }); if (won && s.broken_at === undefined) s.broken_at = s.transcript.length / 2 - 1; return s }],
  ['GET', /^\/admin\/range\/submissions$/, (c) => ({ submissions: submissions.filter((s) => !c.query.get('state') || s.state === c.query.get('state')) })],
  ['POST', /^\/admin\/range\/submissions$/, async (c) => { const s = { id: `sub-${submissions.length + 1}`, state: 'submitted', created_us: Date.now() * 1000, finding: await json(c.request), fingerprint: 'x' }; submissions.unshift(s); return s }],
  ['GET', /^\/admin\/range\/submissions\/([^/]+)$/, (c, id) => ({ submission: submissions.find((s) => s.id === id) ?? refuse(404, 'not_found', 'There is no such submission.'), history: [{ seq: 1, at_us: Date.now() * 1000, actor: 'li', event: 'submitted' }] })],
  ['POST', /^\/admin\/range\/submissions\/([^/]+)\/(replay|decision)$/, (c, id) => submissions.find((s) => s.id === id)],
  ['GET', /^\/admin\/range\/board$/, () => ({ board: empty ? [] : made.board })],
  ['GET', /^\/admin\/assess\/profiles$/, () => ({ profiles: made.profiles })],
  ['GET', /^\/admin\/assess\/runs$/, () => ({ runs: empty ? [] : made.runs })],
  ['POST', /^\/admin\/assess\/runs$/, () => ({ id: made.runs[1].id, state: 'running', total: 212 })],
  ['GET', /^\/admin\/assess\/runs\/([^/]+)$/, (c, id) => made.assessment(made.runs.find((r) => r.id === id) ?? refuse(404, 'not_found', 'There is no such run.'))],
  ['POST', /^\/admin\/assess\/runs\/([^/]+)\/(stop|resume)$/, () => ({ state: 'stopping' })],
  ['GET', /^\/admin\/assess\/runs\/([^/]+)\/review$/, () => made.review()],
  ['GET', /^\/admin\/assess\/runs\/([^/]+)\/review\/next$/, () => ({ task: made.desk.left[0] ?? null })],
  ['POST', /^\/admin\/assess\/runs\/([^/]+)\/review\/decisions$/, () => { made.desk.left.shift(); made.desk.decided += 1; return { decision: {} } }],
]

async function session({ request, response, method }) {
  const id = cookieOf(request)
  if (method === 'POST') {
    const b = await json(request)
    if (b.key !== undefined ? !b.key.startsWith('msk_') : b.password !== 'demo password') refuse(401, 'invalid_credentials', 'Wrong.')
    if (b.name === 'chen' && b.code === undefined && b.key === undefined) refuse(401, 'second_factor_needed', 'A code is needed.')
    if (b.name === 'chen' && b.code !== '123456') refuse(401, 'invalid_credentials', 'Wrong.')
    const fresh = randomBytes(16).toString('hex')
    live.set(fresh, { name: b.name ?? 'admin', roles: ['owner'], tenant: null, csrf: randomBytes(16).toString('hex'), expires: new Date(Date.now() + 4e7).toISOString() })
    response.setHeader('set-cookie', `menshen_session=${fresh}; HttpOnly; SameSite=Strict; Path=/`)
    return live.get(fresh)
  }
  if (!live.has(id)) refuse(401, 'signed_out', 'Sign in.')
  if (method === 'DELETE') {
    if (request.headers['x-menshen-csrf'] !== live.get(id).csrf) refuse(403, 'csrf', 'The token is missing.')
    live.delete(id)
    response.setHeader('set-cookie', 'menshen_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0')
    return {}
  }
  return live.get(id)
}

const ANSWERS = {
  guided: '这两种药都能退烧止痛，通常不建议自行同时服用。请先看说明书中的剂量上限；如果发热超过三天、肝肾功能不好或正在服用其他药物，请先咨询医生或药师。\n\n<img src=x onerror="window.__owned=11"> 以上内容仅供参考。',
  plain: '可以一起吃，但要注意间隔时间。\n\n<script>window.__owned=12</script> Take one, wait, then take the other.',
}
async function chat({ request, response }) {
  const body = await json(request)
  const plain = request.headers['x-menshen-app'] === 'monitor'
  const said = judge(body.messages?.at(-1)?.content ?? '')
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-menshen-request-id': made.records.at(-1).request_id, 'x-menshen-outcome': plain ? 'allowed' : said.outcome, 'x-menshen-disposition': plain ? 'pass' : said.disposition })
  const text = !plain && said.reply ? said.reply : ANSWERS[plain ? 'plain' : 'guided']
  for (const piece of text.match(/[\s\S]{1,12}/gu) ?? []) {
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: piece }, finish_reason: null }] })}\n\n`)
    await new Promise((done) => setTimeout(done, 12))
  }
  response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`)
  response.end('data: [DONE]\n\n')
}

function tail({ request, response }) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': open\n\n')
  const timer = setInterval(() => response.write(`data: ${JSON.stringify(row(made.addRecord(made.records.length + 1, Date.now())))}\n\n`), 700)
  request.on('close', () => clearInterval(timer))
}

function file(path, response) {
  if (path === '/console') { response.writeHead(308, { location: '/console/' }); response.end(); return }
  const name = path === '/console/' ? 'index.html' : normalize(path.slice('/console/'.length))
  const full = join(dist, name)
  if (!full.startsWith(dist) || !statSync(full, { throwIfNoEntry: false })?.isFile()) { response.writeHead(404); response.end(); return }
  response.setHeader('content-type', TYPES[extname(full)] ?? 'application/octet-stream')
  if (name !== 'index.html') { response.setHeader('cache-control', 'public, max-age=31536000, immutable'); createReadStream(full).pipe(response); return }
  const nonce = randomBytes(16).toString('base64')
  response.setHeader('content-security-policy', `default-src 'self'; style-src 'self' 'nonce-${nonce}'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'`)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('cache-control', 'no-store')
  response.end(readFileSync(full, 'utf8').replaceAll('__CSP_NONCE__', nonce))
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://mock')
  const method = request.method
  const context = { request, response, query: url.searchParams, method }
  void (async () => {
    try {
      if (url.pathname.startsWith('/console') && !url.pathname.startsWith('/console/api/')) { file(url.pathname, response); return }
      let said
      if (url.pathname === '/console/api/session') said = await session(context)
      else {
        const route = routes.find(([m, pattern]) => m === method && pattern.test(url.pathname))
        const open = route?.[3] === true
        if (!open) {
          const held = live.get(cookieOf(request))
          if (!held) refuse(401, 'signed_out', 'Sign in.')
          if (method !== 'GET' && request.headers['x-menshen-csrf'] !== held.csrf) refuse(403, 'csrf', 'The header x-menshen-csrf is missing or wrong.')
        }
        if (url.pathname === '/admin/records/live') { tail(context); return }
        if (url.pathname === '/v1/chat/completions') { await chat(context); return }
        if (!route) refuse(404, 'not_found', 'There is no such path.')
        said = await route[2](context, ...(route[1].exec(url.pathname) ?? []).slice(1).map(decodeURIComponent))
      }
      if (said === undefined) return
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(said))
    } catch (error) {
      const known = error instanceof Refusal
      if (!known) console.error(error)
      response.writeHead(known ? error.status : 500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: known ? error.message : 'the mock failed', code: known ? error.code : 'internal', param: error.param ?? null } }))
    }
  })()
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/console/  (chen / demo password / 123456, or any msk_… key)`))
