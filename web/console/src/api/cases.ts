//! Appeals, complaints and reports: shapes of /admin/cases and /v1/complaints.

export const FAMILIES = ['appeal', 'complaint', 'report'] as const
export type Family = (typeof FAMILIES)[number]
export const STATES = ['received', 'acknowledged', 'in_progress', 'answered', 'closed', 'rejected'] as const
export type CaseState = (typeof STATES)[number]
export const DUES = ['overdue', 'soon', 'fine'] as const
export type Due = (typeof DUES)[number]
export const STEPS = ['open', 'acknowledge', 'start', 'assign', 'note', 'link', 'evidence', 'assess', 'decide', 'approve', 'disapprove', 'effect', 'notice', 'answer', 'close', 'reject', 'reopen'] as const
export type Step = (typeof STEPS)[number]

export interface Named { id: string; zh: string; en: string }
export interface Case {
  id: string
  number: string
  tenant: string
  app: string
  user: string | null
  family: Family
  kind: string
  category: string | null
  source: 'app' | 'public' | 'staff'
  lang: 'zh' | 'en'
  request_id: string | null
  review: number | null
  state: CaseState
  assignee: string | null
  decision: string | null
  pending: boolean
  decided_by: string | null
  approved_by: string | null
  former_by: string | null
  reopened: boolean
  created_at: string
  ack_due_at: string
  acknowledged_at: string | null
  due_at: string
  answered_at: string | null
  closed_at: string | null
  updated_at: string
  due_state: Due
}
export interface CasePage { cases: Case[]; next: string | null }
export interface CaseEvent { id: string; n: number; at: string; by: string; step: Step; before: CaseState; after: CaseState; detail: Record<string, unknown>; sha256: string }
export interface CaseFile extends Case {
  body: { text: string; contact?: string; url?: string; content?: string; reference?: string; account?: string }
  events: CaseEvent[]
  whole: boolean
  suspension: { user: string; reason: string; by: string; since: string | null; until: string | null } | null
}
export interface Kind extends Named { family: Family; about: { zh: string; en: string }; needs: string[]; acknowledge: string; answer: string; auto: boolean; public: boolean }
export interface Template extends Named { use: 'acknowledge' | 'answer' | 'publisher' | 'public' | 'authority'; families: Family[]; decisions: string[] }
export interface Book {
  kinds: Kind[]
  decisions: (Named & { family: Family; four_eyes: boolean })[]
  categories: Named[]
  reasons: Named[]
  effects: (Named & { decisions: string[]; act: string | null })[]
  templates: Template[]
  staff: string[]
  me: string
  may_work: boolean
  public: boolean
}
export interface Figures { open: number; overdue: number; soon: number; unassigned: number; pending: number; median_answer_s: number | null; kinds: { family: Family; kind: string; received: number; answered: number; in_time: number; rejected: number; granted: number; median_answer_s: number | null }[] }

export interface Standing {
  number: string
  kind: string
  state: CaseState
  received_at: string
  acknowledge_by: string
  acknowledged_at: string | null
  answer_by: string
  answered_at: string | null
  decision: string | null
  reopened: boolean
  answer?: string | null
}
export interface Receipt extends Standing { secret: string; id: string | null }
export interface PublicForm { open: boolean; kinds: Kind[]; categories: Named[]; service: { zh: string; en: string }; contact: { zh: string; en: string } }

/** The name of an id of the book's; the id where it has none any more. */
export function nameOf(list: readonly Named[], id: string | null | undefined, lang: 'zh' | 'en'): string {
  if (!id) return '–'
  return list.find((one) => one.id === id)?.[lang] ?? id
}

/** Which steps may follow; the server has the last word. */
export function possible(c: Case, me: string): Step[] {
  const over = c.state === 'closed' || c.state === 'rejected'
  const decided = c.decision !== null && !c.pending
  const list: [Step, boolean][] = [
    ['acknowledge', c.state === 'received'],
    ['start', c.state === 'acknowledged'],
    ['evidence', !over && c.family === 'report'],
    ['assess', c.state === 'in_progress' && c.family === 'report'],
    ['decide', c.state === 'in_progress' && c.decision === null && c.former_by !== me],
    ['approve', c.pending && c.decided_by !== me && c.former_by !== me],
    ['disapprove', c.pending],
    ['effect', decided && !over],
    ['notice', !over && !c.pending && c.family === 'report' && decided],
    ['answer', c.state === 'in_progress' && !c.pending && (c.family === 'complaint' ? c.decision !== null || c.former_by !== me : decided)],
    ['close', c.state === 'answered'],
    ['reject', ['received', 'acknowledged', 'in_progress'].includes(c.state) && c.decision === null],
    ['reopen', (over || c.state === 'answered') && !c.reopened],
    ['assign', !over],
    ['link', !over],
    ['note', !over],
  ]
  return list.filter(([, may]) => may).map(([step]) => step)
}
