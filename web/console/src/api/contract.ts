//! Shapes of answers that the OpenAPI document does not describe yet. What it describes is taken from `schema.d.ts`.
import type { components } from './schema'

export type Report = components['schemas']['Report']
export type Choices = components['schemas']['Choices']
export type Finding = components['schemas']['Finding']
export type Scored = { id: string; score: number }

export const ROLES = ['owner', 'policy_editor', 'reviewer', 'red_teamer', 'auditor', 'developer'] as const
export type Role = (typeof ROLES)[number]
export const OUTCOMES = ['allowed', 'intervened', 'unavailable', 'invalid'] as const
export type Outcome = (typeof OUTCOMES)[number]
export const ACTIONS = ['pass', 'guide', 'redact', 'answer', 'decline', 'review', 'block', 'suspend'] as const
export type Action = (typeof ACTIONS)[number]

export interface Session { id?: string | null; name: string; roles: Role[]; tenant: string | null; csrf: string; expires: string }
export interface Setup { needed: boolean; steps: { owner: boolean; upstream: boolean; key: boolean; answers: boolean }; sign_on?: { title: string } | null }
export interface Person { id: string; name: string; display: string; roles: Role[]; tenant: string | null; created: string; last_seen: string | null; disabled: boolean; totp: boolean; security_keys?: number; sign_on?: boolean }
export interface SignedIn { id: string; name: string; created: string; last_used: string; expires: string; agent?: string; current?: boolean }

export interface Percentiles { p50_ms: number; p95_ms: number; p99_ms: number }
export type Bucket = 'minute' | 'hour' | 'day'
export interface Overview {
  from: string
  to: string
  bucket: Bucket
  requests: number
  outcomes: Partial<Record<Outcome, number>>
  actions: Partial<Record<Action, number>>
  apis: Record<string, number>
  series: { at: string; outcomes: Partial<Record<Outcome, number>>; actions: Partial<Record<Action, number>> }[]
  risks: { id: string; count: number; series: number[] }[]
  attacks: { id: string; count: number }[]
  rules: { rule: string; count: number }[]
  latency: { total: Percentiles; input: Percentiles; output: Percentiles }
  tokens: number
  saved: { standard_answers: number; declined_before_model: number; tokens_estimated: number }
  feedback: Record<FeedbackVerdict, number>
  /** Requests of the time that the counts do not hold: they are older than what is kept counted. */
  uncounted: number
}

export interface RecordRow {
  seq: number
  at: string
  request_id: string
  tenant: string | null
  app: string | null
  user: string | null
  api: string | null
  model: string | null
  outcome: Outcome | null
  action: Action | null
  rule: string | null
  risk: string | null
  total_ms: number | null
  status: number | null
}
export interface RecordFinding { detector: string; label?: string; segment?: number; start: number; end: number; score: number; via?: string | null }
/** What was found on one side, as the audit keeps it. */
export interface RecordVerdict {
  action?: string
  rule?: string | null
  hits?: { rule: string; action: string; monitor: boolean }[]
  principles?: string[]
  risk?: { score: number; topics: Scored[]; level?: Scored | null }
  attack?: { score: number; classes: Scored[] }
  intent?: Scored | null
  topic?: Scored | null
  sentiment?: Scored | null
  findings?: RecordFinding[]
  unavailable?: { detector: string; reason?: string }[]
  stages?: { name: string; us: number }[]
}
export interface FullRecord extends Omit<RecordRow, 'risk' | 'total_ms'> {
  kind?: string
  verdict?: { input?: RecordVerdict; output?: RecordVerdict; label?: unknown; unchecked?: string[]; places?: [number, number][] } | null
  timings?: Record<string, number | null> | null
  packs?: Record<string, { version: string }> | null
  text?: { input: string; output: string; redacted: boolean } | null
  answer_ref?: string | null
  error?: string | null
}
export interface Proof { seq: number; hash: string; previous: string; sealed: boolean; head_seq: number; head: string; whole: boolean | null }
export interface Opinion { request_id: string; by: string; rule: string | null; verdict: FeedbackVerdict; note: string | null; at_us: number }
export interface Conversation { records: FullRecord[]; proof: Proof; feedback: Opinion[] }
export type FeedbackVerdict = 'false_positive' | 'missed' | 'right'

export interface Named { id: string; zh: string; en: string }
export interface Taxonomy { risks: Named[]; attacks: Named[]; levels: Named[]; intents: Named[]; topics: Named[] }

export interface Review {
  id: number
  request_id: string
  tenant: string | null
  app: string | null
  user: string | null
  reason: string
  rule: string | null
  created_at: string
  input?: string
  output?: string
  decision: 'upheld' | 'released' | null
}

export interface ApiKey {
  id: string
  name: string
  tenant: string
  app: string
  scopes: string[]
  tier: string | null
  scene: string | null
  requests_per_minute: number | null
  tokens_per_minute: number | null
  created_us: number
  expires_us: number | null
  revoked_us: number | null
}

export interface Wording { zh: string; en: string }
export interface Rate { of: number; hits: number; low: number; high: number; rate?: number }
export interface Turn { speaker: 'system' | 'user' | 'assistant'; text: string; files?: { media_type: string; name: string }[] }
export interface Tally { attempts: number; successes: number; resisted: number; stopped: number; unscored: number; failed: number }
export interface Group { id: string; zh: string; en: string; tally: Tally }
export interface CampaignRow {
  id: string
  name: string
  state: string
  created_us: number
  running_here: boolean
  summary: { target?: string; progress?: { done: number; of: number; successes: number; unscored: number; failed: number }; end?: { end: string; why?: string } }
}
export interface CampaignPage {
  id: string
  name: string
  state: string
  running_here: boolean
  report: { created_us: number; need?: string; target: string; planned?: number; total: Tally; risks: Group[]; techniques: Group[]; attacks: Group[]; spend: { requests: number; cost: number; currency: string; took_ms: number } }
}
export type AttemptOutcome = 'success' | 'resisted' | 'unscored' | 'failed'
export interface Attempt {
  key: string
  at_us: number
  instruction: string
  goal: string
  lang: string
  risk?: string
  owasp?: string[]
  harm: string
  technique: string
  attacks: string[]
  transcript: Turn[]
  stopped?: string
  outcome: AttemptOutcome
  scores: { judge: string; success: boolean | null; value: number; reason: string }[]
  requests: number
  took_ms: number
  problem?: string
}
export interface Practice { id: string; name: string; brief: string; harm: string }
export interface RangeSession { id: string; range: string; player: string; transcript: Turn[]; broken_at?: number }
export interface Submission {
  id: string
  state: string
  created_us: number
  finding: { range: string; reporter: string; title: string; goal: string; attack: string; risk?: string; owasp?: string; turns: string[]; harm?: string }
  duplicate_of?: string
  replays?: { of: number; successes: number; unscored: number }
  grade?: { vector: string; tenths: number; severity: string }
}
export interface BoardRow { reporter: string; tenths: number; by_severity: Record<string, number>; submissions: number }

export interface RunRow { id: string; name: string; state: string; created_us: number; profile: string | null; target: unknown; seed: string | null; running_here: boolean }
export interface Share { hits: number; of: number; rate: number; low: number; high: number }
export type Conclusion = 'conforms' | 'fails' | 'not_applicable' | 'open'
export interface Assessment {
  run: string
  began: string
  ended: string
  profile: { id: string; version: number; name: Wording; standard: Wording }
  target: string
  state: string
  overall: Conclusion | null
  because: Wording
  tests: { id: string; name: Wording; clause: string; threshold_permille: number; at_least: boolean; share: Share; undecided: number; conclusion: Conclusion; confident: boolean; found: Wording }[]
  risks: { id: string; name: Wording; group: string; asked: number; passed: Share; undecided: number }[]
  clauses: { id: string; number: string; title: Wording; force: 'shall' | 'should'; conclusion: Conclusion; by: string; reason: Wording }[]
  review: { queued: number; decided: number; disagreed: number; resolved: number; kappa: number | null; reviewers: Record<string, number> }
  failures: { question: string; group: string; asked: string; answer: string; why: Wording }[]
  disclosures: Wording[]
  advice: Wording[]
  spend: { requests: number; tokens: number; seconds: number; latency_p50_ms: number; latency_p95_ms: number }
}
export interface Profile { id: string; name: Wording; standard?: Wording }
export interface DeskTask { key: string; bank: string; group: string; asked: string; answer: string; stopped?: string | null; labels: string[]; settles: boolean }

export interface Fault { clause: string; breach: boolean; zh: string; en: string }
export interface UploadDecision {
  format: string
  state: 'compliant' | 'noncompliant' | 'not_found' | 'inconclusive'
  labels: { place: string; by_the_book: boolean; offset: number | null; value: string }[]
  faults: Fault[]
  problem: string | null
  decision?: 'none' | 'suspected' | 'possible' | 'confirmed'
  clause?: string | null
  grounds?: { ground: string; label?: string; value?: string; kind?: string; what?: string }[]
  notice?: Wording | null
  label_to_write?: Record<string, unknown> | null
}
export type Agreement = components['schemas']['Agreement']
