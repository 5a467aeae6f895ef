//! Incidents and notifications, as the server gives them.
export interface Words { id: string; zh: string; en: string; clause?: string }
export type IncidentState = 'proposed' | 'open' | 'contained' | 'closed' | 'dismissed'
export interface Incident {
  id: string; number: number; tenant: string | null; drill: boolean; announce: boolean; state: IncidentState; title: string; class: string; grade: string
  signal: string | null; occurred: string | null; aware: string; contained: string | null; closed: string | null; close_asked_by: string | null; created: string; by: string
}
export interface Figures { proposed: number; open: number; contained: number; closed: number; overdue: number; drills: number }
export interface Incidents { incidents: Incident[]; figures: Figures; next: number | null }
export type Answers = Record<string, number | string | boolean>
export interface Reason { grade: string; question: string; zh: string; en: string; clause: string; basis: string }
export interface Grade { grade: string; reasons: Reason[]; two: boolean }
export interface Task extends Words { role: string; due: string | null; done: string | null; done_by: string | null; note: string }
export interface Timer extends Words { due: string; soon: string; stage: 'soon' | 'overdue' | null; met: string | null; met_by: string | null; late: boolean }
export interface Step { seq: number; at: string; by: string; kind: string; detail: Record<string, unknown> }
export interface EvidenceFile { id: string; name: string; sha256: string; size: number; records: number; created: string; by: string }
export interface Measure { text: string; owner: string; due: string; done: boolean }
export interface Folder extends Incident {
  answers: Answers; reasons: Reason[]; facts: Record<string, string>; roles: Record<string, string>
  lessons: Record<string, string | Measure[]>; two: boolean; now: string; tasks: Task[]; timers: Timer[]; events: Step[]; files: EvidenceFile[]
}
export interface Question extends Words { kind: 'number' | 'yes' | 'choice'; option?: Words[] }
export interface Rules {
  class: Words[]; grade: (Words & { reported: boolean; two: boolean })[]; role: Words[]; question: Question[]; fact: Words[]; lesson: Words[]
  report: (Words & { drill: boolean })[]; operator: string
}
export interface Draft { title: string; parts: { heading: string; text: string; missing: boolean }[]; missing: number }
export interface Channel { name: string; kind: string; lang: string; topics: string[]; tenant: string | null; signed: boolean; to: number }
export interface Sent { id: string; topic: string; channel: string; title: string; state: 'waiting' | 'sent' | 'dead'; attempts: number; created: string; tried: string | null; next: string; problem: string | null }
export interface Notifications { channels: Channel[]; messages: Sent[] }
