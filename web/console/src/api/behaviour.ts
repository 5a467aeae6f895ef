//! Shapes of `/admin/behaviour`, `/admin/users` and `/admin/tiers`.

export const KINDS = ['user', 'key'] as const
export type Kind = (typeof KINDS)[number]
export const LEVELS = ['warn', 'throttle', 'suspend'] as const
export type Level = (typeof LEVELS)[number]
export const DECISIONS = ['confirmed', 'settled', 'false_alarm'] as const
export type AlarmDecision = (typeof DECISIONS)[number]
export const REAL_NAMES = ['none', 'phone', 'id', 'enterprise'] as const
export type RealName = (typeof REAL_NAMES)[number]

export interface Who { tenant: string; app: string; kind: Kind; subject: string }
export interface Reason { signal: string; value: number; at_least: number; window_s: number; points: number; percent: number; zh: string; en: string }
export interface Alarm extends Who { id: string; at: string; grade: string; score: number; reasons: Reason[]; request_id: string | null; human: boolean; decision: AlarmDecision | null; note: string | null; decided_by: string | null; decided: string | null }
export interface Measure extends Who { id: string; level: Level; percent: number; since: string; until: string; reason: string; alarm: string | null; by: string; ended: string | null; ended_by: string | null }
export interface Suspension { tenant: string; user: string; since: string; until: string | null; reason: string; rule: string | null; by: string }
export interface Damping extends Who { id: string; signal: string; percent: number; marks: number; since: string; until: string; by: string }
export interface Standing { score: number; reasons: Reason[]; hours: { at: string; score: number }[] }
export interface SubjectPage extends Who { standing: Standing | null; measure: Measure | null; suspension: Suspension | null; measures: Measure[]; alarms: Alarm[]; dampings: Damping[] }
export interface Grade { id: string; score: number; level: string; percent: number; lasts_s: number; human: boolean; zh: string; en: string }
export interface Signal { id: string; measure: string; subjects: Kind[]; window_s: number; at_least: number; points: number; zh: string; en: string }
export interface Rules { enabled: boolean; act: boolean; appeal_url: string | null; subjects: number | null; most_subjects: number; grades: Grade[] | null; signals: Signal[] | null; strikes: { in_a_row: number; per_day: number; suspend_s: number } }

export interface Review { id: string; passed: boolean; checks: string[]; note: string | null; by: string; at: string; until: string }
export interface EndUser { tenant: string; app: string; user: string; tier: string | null; real_name: RealName; minor: boolean; region: string | null; purpose: string | null; created: string; updated: string; by: string; review: Review | null; reviews?: Review[] }
export interface Tier { id: string; zh: string; en: string; real_name: RealName; granted_by: 'app' | 'staff'; due_diligence: boolean; regions: string[]; purposes: string[]; apis: string[]; models: string[]; requests_per_minute: number; requests_per_day: number }
export interface TierTable { unknown: string | null; table: { tier: Tier[]; diligence: { most_days: number; check: { id: string; zh: string; en: string }[] }; minors: { scene: string; apis: string[]; night_from: string; night_to: string; minutes_per_day: number; pause_min: number } } }
