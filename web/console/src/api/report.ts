//! The monthly report's figures.
import type { Overview } from './contract'

export type MonthOverview = Overview & { feedback: Record<string, number>; uncounted: number }
export interface Monthly {
  month: string
  before_month: string
  tenant: string | null
  made: string
  unfinished: boolean
  now: MonthOverview
  before: MonthOverview
  redteam: { fixed: [number, number] } | null
  chain: { end: { seq: number; hash: string; at: string } | null } | null
}
