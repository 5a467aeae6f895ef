//! Shapes of the policy workbench, as the OpenAPI document describes them.
export interface Diagnostic { severity: 'error' | 'warning'; file: string | null; path: string; line: number; column: number; message: string; remedy: string; fresh: boolean }
export interface PackFile { path: string; bytes: number; lines: number; edited: boolean }
export interface State { revision: number; alone: boolean; packs: { id: string; version: string; hash: string; files: PackFile[] }[]; removed: string[]; errors: number; diagnostics: Diagnostic[]; keeps_text: boolean; shadow_records: number }
export interface FileText { path: string; text: string; edited: boolean; removed: boolean; in_force: boolean; hash: string | null }
export const STATES = ['draft', 'in_review', 'approved', 'scheduled', 'published', 'rejected', 'withdrawn'] as const
export type ChangeState = (typeof STATES)[number]
export interface Change { id: string; title: string; note: string; author: string; state: ChangeState; version: number; created: string; updated: string; scheduled: string | null; approved_by: string | null; revision: number | null }
export interface ChangeFile { path: string; kind: 'added' | 'removed' | 'changed'; bytes: number | null; conflict: boolean }
export interface Outcome { action: string; rule: string | null; answer: string | null; labels: string[]; fits: boolean }
export interface CaseRun { version: number | null; at: string; took_ms: number; cases: number; reached: number; failed: number; changed: number; rows: { id: string; name: string; now: Outcome; then: Outcome | null; changed: boolean }[] }
export interface ShadowRun { version: number; at: string; took_ms: number; most: number; read: number; decided: number; without_text: number; too_large: number; same: number; changed: { side: string; from: string; to: string; count: number; examples: string[] }[]; rules: { rule: string; now: number; then: number }[]; timed_out: boolean; from: string | null; to: string | null }
export interface FullChange extends Change { authors: string[]; events: { at: string; by: string; what: string; note: string | null }[]; files: ChangeFile[]; errors: number; diagnostics: Diagnostic[]; answers: { pack: string; id: string; status: string }[]; cases: CaseRun | null; shadow: ShadowRun | null; may_edit: boolean; may_approve: boolean }
export interface Saved { version: number; path: string; errors: number; diagnostics: Diagnostic[] }
export type Members = Record<string, unknown>
export interface Entries { path: string; kind: 'answer' | 'principle' | 'keywords'; entries: { id: string; line: number; members: Members }[]; header: Record<string, string>; words: string }
export interface FileDiff { path: string; kind: 'added' | 'removed' | 'changed' | 'same'; added: number; removed: number; cut: boolean; hunks: { sign: string; old: number | null; new: number | null; text: string }[][] }
export interface Case { id: string; name: string; text: string; side: string; app: string | null; scene: string | null; action: string | null; rule: string | null; label: string | null; by: string; updated: string }
export interface Revision { number: number; at: string; by: string; title: string; change: string | null; restores: number | null; edits: number; in_force: boolean }
