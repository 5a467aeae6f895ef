//! The small parts that pages are made of.
import { CopyOutlined } from '@ant-design/icons'
import { Alert, App, Button, Skeleton } from 'antd'
import { useEffect, useId, type ReactNode } from 'react'
import { ApiError } from '../api/client'
import type { Action, Finding, Outcome } from '../api/contract'
import type { Loaded } from '../lib/async'
import { useLanguage, word, type Translate } from '../i18n'
import { cut } from '../lib/spans'

export type Tone = 'calm' | 'good' | 'info' | 'warn' | 'bad' | 'stop'

/** A word on a coloured ground; the colours pass WCAG AA in both themes. */
export function Chip(props: { tone?: Tone; children: ReactNode; title?: string | undefined }) {
  return <span className={`chip chip-${props.tone ?? 'calm'}`} title={props.title}>{props.children}</span>
}

const ACTION_TONES: Record<Action, Tone> = { pass: 'good', guide: 'info', redact: 'info', answer: 'info', decline: 'warn', review: 'warn', block: 'bad', suspend: 'stop' }
const OUTCOME_TONES: Record<Outcome, Tone> = { allowed: 'good', intervened: 'warn', unavailable: 'bad', invalid: 'calm' }

export function ActionChip(props: { action: string | null | undefined }) {
  const { t } = useLanguage()
  if (!props.action) return <span className="quiet">–</span>
  return <Chip tone={ACTION_TONES[props.action as Action] ?? 'calm'}>{word(t, 'action', props.action)}</Chip>
}

export function OutcomeChip(props: { outcome: string | null | undefined }) {
  const { t } = useLanguage()
  if (!props.outcome) return <span className="quiet">–</span>
  return <Chip tone={OUTCOME_TONES[props.outcome as Outcome] ?? 'calm'}>{word(t, 'outcome', props.outcome)}</Chip>
}

/** What went wrong, as a sentence that says what to do. */
export function sentence(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return t('error.unknown')
  const said = error.message === '' ? '' : ` ${error.message}`
  // Behind us, not here; the code says what it was.
  if (error.code.startsWith('upstream_')) return `${t('error.model', { status: error.status })} (${error.code})`
  switch (error.status) {
    case 0: return t('error.unreachable')
    case 401: return t('error.signed_out')
    case 403: return t('error.forbidden') + said
    case 404: return t('error.not_found') + said
    case 409: return t('error.conflict') + said
    case 413: return t('error.too_large') + said
    case 429: return t('error.too_many') + said
    default: return (error.status >= 500 ? t('error.server', { status: error.status }) : t('error.refused')) + said
  }
}

export function Problem(props: { error: unknown; retry?: (() => void) | undefined }) {
  const { t } = useLanguage()
  if (!props.error) return null
  const retry = props.retry
  return <Alert type="error" showIcon role="alert" className="gap" message={sentence(props.error, t)} action={retry ? <Button size="small" onClick={retry}>{t('do.retry')}</Button> : undefined} />
}

/** What is loaded, or why it is not there. */
export function Shown<T>(props: { of: Loaded<T>; children: (data: T) => ReactNode }) {
  const { data, error, loading, reload } = props.of
  return (
    <>
      <Problem error={error} retry={reload} />
      {data !== undefined ? props.children(data) : loading ? <Skeleton active title={false} paragraph={{ rows: 5 }} /> : null}
    </>
  )
}

export function Page(props: { title: string; about?: string; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => { document.title = `${props.title} · Menshen 门神` }, [props.title])
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <h1>{props.title}</h1>
          {props.about ? <p className="quiet">{props.about}</p> : null}
        </div>
        {props.actions ? <div className="actions">{props.actions}</div> : null}
      </header>
      {props.children}
    </div>
  )
}

export function Panel(props: { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }) {
  const id = useId()
  return (
    <section className={`panel ${props.className ?? ''}`} aria-labelledby={props.title ? id : undefined}>
      {props.title || props.actions ? <div className="panel-head">{props.title ? <h2 id={id}>{props.title}</h2> : <span />}{props.actions ? <div className="actions">{props.actions}</div> : null}</div> : null}
      {props.children}
    </section>
  )
}

export function Nothing(props: { title: string; hint?: ReactNode; children?: ReactNode }) {
  return (
    <div className="nothing">
      <p className="nothing-title">{props.title}</p>
      {props.hint ? <p className="quiet">{props.hint}</p> : null}
      {props.children}
    </div>
  )
}

export interface Column<R> { key: string; title: string; show: (row: R) => ReactNode; end?: boolean; wide?: boolean; keep?: boolean }

/** A table that becomes a list of cards on a narrow screen. */
export function DataTable<R>(props: { label: string; columns: readonly Column<R>[]; rows: readonly R[]; id: (row: R) => string; empty: ReactNode; mark?: (row: R) => boolean }) {
  if (props.rows.length === 0) return <>{props.empty}</>
  return (
    <div className="table-box">
      <table className="data" aria-label={props.label}>
        <thead><tr>{props.columns.map((c) => <th key={c.key} scope="col" className={c.end ? 'end' : undefined}>{c.title}</th>)}</tr></thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.id(row)} className={props.mark?.(row) ? 'marked' : undefined}>
              {props.columns.map((c) => <td key={c.key} data-title={c.title} className={`${c.end ? 'end' : ''} ${c.wide ? 'wide' : ''} ${c.keep ? 'keep' : ''}`}><div className="cell">{c.show(row)}</div></td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

export function Facts(props: { of: readonly (readonly [string, ReactNode])[] }) {
  return <dl className="facts">{props.of.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value ?? '–'}</dd></div>)}</dl>
}

export function Tile(props: { name: string; value: ReactNode; note?: ReactNode }) {
  return <div className="tile"><div className="tile-name">{props.name}</div><div className="tile-value">{props.value}</div>{props.note ? <div className="tile-note">{props.note}</div> : null}</div>
}

/** A stage of a check by its name; a judge by the model's. */
export function stageName(t: Translate, name: string | undefined): string {
  const judge = /^judge\.(.+)$/.exec(name ?? '')?.[1]
  return judge && judge !== 'remote' ? `${t('stage.judge')} ${judge}` : word(t, 'stage', name)
}

/** Something to copy, as it is: a secret, a command. */
export function Copyable(props: { text: string; label: string }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text)
      void message.success(t('keys.copied'))
    } catch {
      void message.info(t('keys.copy_failed'))
    }
  }
  return <div className="secret"><Foreign text={props.text} label={props.label} /><Button icon={<CopyOutlined />} onClick={() => void copy()}>{t('do.copy')}</Button></div>
}

/** A share as a bar with its number beside it. */
export function Meter(props: { name: ReactNode; value: number; shown: string; label: string; tone?: Tone; most?: number }) {
  const share = Math.max(0, Math.min(1, props.value / (props.most ?? 1)))
  return (
    <div className="meter">
      <span className="meter-name">{props.name}</span>
      <svg className={`meter-bar tone-${props.tone ?? 'info'}`} viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`${props.label}: ${props.shown}`}>
        <rect className="meter-rest" x="0" y="0" width="100" height="6" />
        <rect className="meter-fill" x="0" y="0" width={share * 100} height="6" />
      </svg>
      <span className="meter-shown">{props.shown}</span>
    </div>
  )
}

/** Text that somebody else wrote: text nodes and nothing else. Isolated, so that it cannot turn the direction of what stands around it. */
export function Foreign(props: { text: string; className?: string; label?: string }) {
  return <pre className={`foreign ${props.className ?? ''}`} dir="auto" aria-label={props.label} tabIndex={props.label ? 0 : undefined} role={props.label ? 'region' : undefined}>{visible(props.text)}</pre>
}

/** Control characters and direction marks, made visible: they are how attackers hide things from the person who reads. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (c) => `⟨${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
}

type Mark = Pick<Finding, 'detector' | 'start' | 'end' | 'score'> & { label?: string | undefined }
const familyOf = (detector: string): string => (/^(pii|secret)/.test(detector) ? 'pii' : /attack|inject|disguise|encod/.test(detector) ? 'attack' : /^judge/.test(detector) ? 'judge' : 'word')

/** A text with its findings marked. Findings over the whole text (a judge's) are listed by the page, not marked. */
export function Highlighted(props: { text: string; findings: readonly Mark[]; label: string }) {
  const spans = props.findings.filter((f) => !f.detector.startsWith('judge'))
  return (
    <pre className="foreign marked-text" dir="auto" role="region" aria-label={props.label} tabIndex={0}>
      {cut(props.text, spans).map((piece, i) => {
        const first = piece.marks[0]
        if (!first) return <span key={i}>{visible(piece.text)}</span>
        const said = piece.marks.map((m) => `${m.detector} ${m.score.toFixed(2)}`).join(' · ')
        return <mark key={i} className={`mark mark-${familyOf(first.detector)}`} title={said}>{visible(piece.text)}<span className="sr">{` (${said})`}</span></mark>
      })}
    </pre>
  )
}
