//! Shapes of the register of applications and of the monthly report.
export interface Words { zh: string; en: string }
export type Profile = Record<string, string[]>
export interface Choice { id: string; title: Words; grade: number; source: string }
export interface Factor { id: string; axis: string; title: Words; about: Words; many: boolean; option: Choice[] }
export interface Axis { id: string; title: Words; grades: Words[] }
export interface Named { id: string; title: Words }
export interface Level extends Named { about: Words; path: string }
export interface ReviewPath extends Named { about: Words; members: number; quorum: number; approve_percent: number; reject_stops: boolean; days: number; again_months: number; questions: Words[] }
export interface Stage extends Named { about: Words; needs: string[] }
export interface Governance {
  axes: Axis[]
  factors: Factor[]
  matrix: { rows: string; columns: string; source: string; cells: string[][] } | null
  levels: Level[]
  paths: ReviewPath[]
  filing_states: Named[]
  stages: Stage[]
  kinds: Named[]
  templates: { id: string }[]
  diagnostics: string[]
  ballots: string[]
  today: string
}
export interface Grading {
  level: string
  path: string
  row: number
  column: number
  cell: string
  source: string
  chosen: { factor: string; option: string; axis: string; grade: number; source: string; decides: boolean }[]
  raised: { rule: string; title: Words; at_least: string; source: string; decides: boolean }[]
}
export type Holds = 'met' | 'unmet' | 'expired' | 'unknown'
export interface Control { id: string; title: Words; about: Words; source: string; check: string | null; state: Holds; says: Words | null; evidence: string | null; hash: string | null; by: string | null; at: string | null; until: string | null; page: string | null }
export interface FilingItem { id: string; title: Words; about: Words; state: string; responsible: string; due: string | null; note: string; file_name: string | null; file_hash: string | null; by: string | null; at: string | null }
export interface Duty { id: string; title: Words; about: Words; source: string; last_day: string | null; items: FilingItem[] }
export type Standing = 'open' | 'approved' | 'conditional' | 'rejected' | 'inquorate' | 'withdrawn'
export interface Vote { member: string; vote: string; reason: string; conditions: string; at: string }
export interface EthicsReview {
  id: string
  entry: string
  name: string | null
  path: string
  level: string
  terms: { quorum: number; approve_percent: number; reject_stops: boolean; again_months: number }
  members: string[]
  note: string
  opened: string
  opened_by: string
  due: string
  standing: Standing
  since: string | null
  until: string | null
  votes: Vote[]
  member?: boolean
  voted?: boolean
  stale?: boolean
}
export interface Voter { member: string; display: string; tenant: string | null }
export interface Asset { id: string; tenant: string; kind: string; name: string; version: string; hash: string; source: string; licence: string; owner: string; stage: string; entries: string[]; retires: string | null; note: string; imported: boolean; updated_us: number; updated_by: string; missing: string[]; overdue: boolean }
export interface Entry {
  id: string
  tenant: string
  name: string
  app: string | null
  owner: string
  facts: Record<string, string>
  profile: Profile
  grading: Grading
  level: string
  launch: string | null
  updated: string
  updated_by: string
  updated_us: number
  retired: string | null
  standing: { review: string; standing: Standing; until: string | null; due: string; stale: boolean; expired: boolean } | null
}
export interface ListedEntry extends Entry { controls: { met: number; all: number }; filing: { done: number; all: number; next_due: string | null } }
export interface FullEntry extends Entry { controls: Control[]; reviews: EthicsReview[]; filing: Duty[]; assets: Asset[]; graded_now: Grading | { problem: string } }
