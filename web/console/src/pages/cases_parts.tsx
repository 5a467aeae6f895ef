//! What the pages of cases share.
import { useEffect, useRef, type RefObject } from 'react'
import type { Case } from '../api/cases'
import { useLanguage, word, type Translate } from '../i18n'
import { Chip, type Tone } from '../ui/kit'

const STATE_TONES: Record<Case['state'], Tone> = { received: 'warn', acknowledged: 'info', in_progress: 'info', answered: 'good', closed: 'calm', rejected: 'calm' }

export function StateChip(props: { of: Pick<Case, 'state'> & { pending?: boolean } }) {
  const { t } = useLanguage()
  return <><Chip tone={STATE_TONES[props.of.state]}>{word(t, 'case_state', props.of.state)}</Chip>{props.of.pending ? <Chip tone="warn">{t('cases.pending')}</Chip> : null}</>
}

export function DueChip(props: { of: Case }) {
  const { t } = useLanguage()
  if (props.of.due_state === 'fine') return null
  return <Chip tone={props.of.due_state === 'overdue' ? 'bad' : 'warn'}>{word(t, 'case_due', props.of.due_state)}</Chip>
}


/** Which case was open last: coming back to the queue, one stands there again. */
let left: string | null = null
export const leftAt = (): string | null => left
export function leave(id: string): void { left = id }

/** A span of time as people say it. */
export function lasted(t: Translate, seconds: number | null): string {
  if (seconds === null) return '–'
  if (seconds >= 172_800) return t('cases.days', { n: Math.round(seconds / 86_400) })
  if (seconds >= 5_400) return t('cases.hours', { n: Math.round(seconds / 3_600) })
  return t('cases.minutes', { n: Math.max(1, Math.round(seconds / 60)) })
}

export function Keys(props: { open: boolean; toggle: () => void; of: readonly (readonly [string, string])[] }) {
  const { t } = useLanguage()
  return (
    <p className="quiet keys">
      <button type="button" className="as-link" aria-expanded={props.open} onClick={props.toggle}>{t('cases.help')}</button> <kbd>?</kbd>
      {props.open ? <> · {props.of.map(([key, about], i) => <span key={key}>{i > 0 ? ' · ' : ''}<kbd>{key}</kbd> {about}</span>)}</> : null}
    </p>
  )
}

/**
 * Keys of a page. In fields they are letters; Escape leaves a field. Arrows, Home, End and Enter act only within `list`, where
 * one is given: elsewhere they scroll and press buttons.
 */
export function useKeys(acts: Record<string, () => void>, on: boolean, list?: RefObject<HTMLElement | null>): void {
  const latest = useRef(acts)
  useEffect(() => { latest.current = acts })
  useEffect(() => {
    if (!on) return undefined
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      const target = event.target as HTMLElement
      const field = target.closest('input, textarea, select, [contenteditable]')
      const act = latest.current[event.key]
      if (field && event.key !== 'Escape') return
      if (!act) return
      if (/^(Arrow|Home|End|Enter)/.test(event.key) && list && document.activeElement !== list.current) {
        // On the page itself Enter opens what is chosen; on a button it presses it.
        if (event.key !== 'Enter' || target.closest('button, a, summary, [role=region]')) return
      }
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [on, list])
}
