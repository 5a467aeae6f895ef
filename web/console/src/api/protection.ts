//! What protects stored data, and what users ask about themselves.
export interface KeyEra { id: string; from_seq: number; since: string | null; by: string | null; in_force: boolean }
export interface RetentionRun { at: string; took_ms: number; removed: Record<string, number | null>; problem: string | null }
export interface BackupNote { at: string; target: string; bytes: number; seq: number | null; key_included: boolean; by: string }
export interface Protection {
  keys: { eras: KeyEra[]; source: 'folder' | 'file' | 'given'; text_keys: number }
  key_command: boolean
  text: 'encrypted' | 'redacted' | 'omitted'
  retention: { days: Record<string, number>; runs: RetentionRun[]; next: string | null }
  subject_days: number
  backups: BackupNote[]
  may_backup: boolean
  store: { last_seq: number; queued_records: number; problem: string | null }
}
export interface SubjectRequest {
  id: string
  tenant: string
  user: string
  kind: 'export' | 'erasure'
  note: string | null
  asked_at: string
  asked_by: string
  due_at: string
  state: 'open' | 'done' | 'refused'
  ended_at: string | null
  ended_by: string | null
  outcome: Record<string, unknown> | null
}
