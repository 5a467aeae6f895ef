//! The forms of steps: what there is to say, and nothing else. Ctrl+Enter sends, Escape leaves.
import { App, Button, Checkbox, Input } from 'antd'
import { useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react'
import { request } from '../api/client'
import type { Book, CaseFile, Step, Template } from '../api/cases'
import { useLanguage, word } from '../i18n'
import { who } from '../lib/format'
import { useNames, useSession } from '../session'
import { Foreign, sentence } from '../ui/kit'

type Take = (body: Record<string, unknown> & { step: Step }) => Promise<boolean>
interface Props { step: Step; file: CaseFile; book: Book; busy: boolean; take: Take; cancel: () => void }

function Labelled(props: { label: string; hint?: string | undefined; children: (id: string) => ReactNode }) {
  const id = useId()
  return <div className="field gap"><label htmlFor={id}>{props.label}</label>{props.children(id)}{props.hint ? <span className="quiet">{props.hint}</span> : null}</div>
}

/** What the browser's field for date and time says, as RFC 3339. */
const rfc = (local: string): string | undefined => { const at = new Date(local); return local === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString() }

export function StepForm(props: Props) {
  const { t, lang } = useLanguage()
  const { taxonomy } = useSession()
  const named = useNames(lang)
  const { step, file, book, take } = props
  const [v, setV] = useState<Record<string, string>>({})
  const [confirmed, setConfirmed] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => { form.current?.querySelector<HTMLElement>('select, input, textarea')?.focus() }, [])
  const get = (name: string) => v[name] ?? ''
  const set = (name: string, value: string) => setV((was) => ({ ...was, [name]: value }))
  const given = (...names: string[]) => Object.fromEntries(names.flatMap((name) => (get(name).trim() === '' ? [] : [[name, get(name).trim()]])))

  const text = (name: string, label: string, rows = 3) => <Labelled label={label}>{(id) => <Input.TextArea id={id} rows={rows} value={get(name)} onChange={(e) => set(name, e.target.value)} maxLength={20_000} />}</Labelled>
  const line = (name: string, label: string, type = 'text') => <Labelled label={label}>{(id) => <input id={id} className="native" type={type} value={get(name)} onChange={(e) => set(name, e.target.value)} maxLength={4_000} autoComplete="off" />}</Labelled>
  const choice = (name: string, label: string, options: readonly (readonly [string, string])[], hint?: string) => <Labelled label={label} hint={hint}>{(id) => <select id={id} className="native" value={get(name)} onChange={(e) => set(name, e.target.value)}><option value="">–</option>{options.map(([value, shown]) => <option key={value} value={value}>{shown}</option>)}</select>}</Labelled>

  if (step === 'notice' || step === 'answer') return <Words {...props} />
  const effects = book.effects.filter((e) => file.decision !== null && e.decisions.includes(file.decision))
  const parts: Partial<Record<Step, { fields: ReactNode; ready: boolean; body: () => Record<string, unknown> }>> = {
    note: { fields: text('text', t('cases.note')), ready: get('text').trim() !== '', body: () => given('text') },
    assign: { fields: choice('to', t('cases.assignee'), [...new Set([book.me, ...book.staff])].map((id) => [id, who(id)] as const)), ready: true, body: () => ({ to: get('to') === '' ? null : get('to') }) },
    link: {
      fields: <>{line('request_id', t('cases.request'))}{line('user', t('cases.link_user'))}{line('review', t('cases.review_id'), 'number')}</>,
      ready: ['request_id', 'user', 'review'].some((name) => get(name).trim() !== ''),
      body: () => ({ ...given('request_id', 'user'), ...(get('review') === '' ? {} : { review: Number(get('review')) }) }),
    },
    evidence: {
      fields: <>{line('url', t('cases.url'))}{text('content', t('cases.content'), 5)}{line('seen_at', t('cases.seen_at'), 'datetime-local')}</>,
      ready: get('url').trim() !== '' && get('content').trim() !== '',
      body: () => ({ ...given('url'), content: get('content'), ...(rfc(get('seen_at')) ? { seen_at: rfc(get('seen_at')) } : {}) }),
    },
    assess: {
      fields: <>{choice('risk', t('cases.risk'), (taxonomy?.risks ?? []).map((r) => [r.id, `${r.id} ${named('risks', r.id)}`] as const))}<p><Checkbox checked={confirmed} onChange={(e) => setConfirmed(e.target.checked)}>{t('cases.confirmed')}</Checkbox></p>{text('text', t('cases.assess_text'))}</>,
      ready: get('text').trim() !== '', body: () => ({ ...given('risk', 'text'), confirmed }),
    },
    decide: {
      fields: <>{choice('decision', t('cases.decision'), book.decisions.filter((d) => d.family === file.family).map((d) => [d.id, d[lang]] as const), book.decisions.find((d) => d.id === get('decision'))?.four_eyes ? t('cases.four_eyes') : undefined)}{text('reason', t('cases.reason'))}</>,
      ready: get('decision') !== '' && get('reason').trim() !== '', body: () => given('decision', 'reason'),
    },
    disapprove: { fields: text('reason', t('cases.reason')), ready: get('reason').trim() !== '', body: () => given('reason') },
    effect: {
      fields: <>{choice('effect', t('cases.effect'), effects.map((e) => [e.id, e[lang]] as const), effects.find((e) => e.id === get('effect'))?.act ? t('cases.acts') : undefined)}{line('done_at', t('cases.done_at'), 'datetime-local')}{text('note', t('cases.note'), 2)}</>,
      ready: get('effect') !== '', body: () => ({ ...given('effect', 'note'), ...(rfc(get('done_at')) ? { done_at: rfc(get('done_at')) } : {}) }),
    },
    reject: {
      fields: <>{choice('reason', t('cases.reject_reason'), book.reasons.map((r) => [r.id, r[lang]] as const))}{text('text', t('cases.reject_text'))}</>,
      ready: get('reason') !== '' && get('text').trim() !== '', body: () => given('reason', 'text'),
    },
    reopen: { fields: text('text', t('cases.reason')), ready: get('text').trim() !== '', body: () => given('text') },
  }
  const part = parts[step]
  if (!part) return null
  const send = (event?: FormEvent) => { event?.preventDefault(); if (part.ready && !props.busy) void take({ step, ...part.body() }) }
  return (
    <form ref={form} className="case-form" aria-label={word(t, 'case_step', step)} onSubmit={send} onKeyDown={(e: KeyboardEvent) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); send() } }}>
      <h3>{word(t, 'case_step', step)}</h3>
      {part.fields}
      <div className="row"><Button type="primary" htmlType="submit" disabled={!part.ready || props.busy}>{t('cases.send')} <kbd aria-hidden="true">Ctrl+Enter</kbd></Button><Button onClick={props.cancel}>{t('do.cancel')}</Button></div>
    </form>
  )
}

const fits = (template: Template, file: CaseFile): boolean => template.families.includes(file.family) && (template.decisions.length === 0 || (file.decision !== null && !file.pending && template.decisions.includes(file.decision)))

/** A notice, or the answer: from a template, to be read and changed before it is kept. */
function Words(props: Props) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { file, book, step } = props
  const templates = book.templates.filter((one) => fits(one, file) && (step === 'answer' ? one.use === 'answer' : !['answer', 'acknowledge'].includes(one.use)))
  const [template, setTemplate] = useState(templates[0]?.id ?? '')
  const [language, setLanguage] = useState<'zh' | 'en'>(file.lang)
  const [facts, setFacts] = useState('')
  const [to, setTo] = useState('')
  const [words, setWords] = useState('')
  const [busy, setBusy] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const area = useId()
  useEffect(() => { form.current?.querySelector<HTMLElement>('select, textarea')?.focus() }, [])
  const make = async () => {
    setBusy(true)
    try {
      const made = await request<{ text: string }>('post', `/admin/cases/${encodeURIComponent(file.id)}/preview`, { body: { template, lang: language, facts } })
      setWords(made.text)
      document.getElementById(area)?.focus()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  const send = (event?: FormEvent) => {
    event?.preventDefault()
    if (words.trim() === '') { void make(); return }
    if (props.busy) return
    void props.take(step === 'answer' ? { step, text: words.trim() } : { step, template, text: words.trim(), ...(to.trim() ? { to: to.trim() } : {}) })
  }
  const current = templates.find((one) => one.id === template)
  return (
    <form ref={form} className="case-form" aria-label={word(t, 'case_step', step)} onSubmit={send} onKeyDown={(e: KeyboardEvent) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); send() } }}>
      <h3>{word(t, 'case_step', step)}</h3>
      <div className="form-two">
        <Labelled label={t('cases.template')} hint={current && step === 'notice' ? word(t, 'case_use', current.use) : undefined}>{(id) => <select id={id} className="native" value={template} onChange={(e) => setTemplate(e.target.value)}>{templates.map((one) => <option key={one.id} value={one.id}>{one[lang]}</option>)}</select>}</Labelled>
        <Labelled label={t('cases.language')}>{(id) => <select id={id} className="native" value={language} onChange={(e) => setLanguage(e.target.value === 'en' ? 'en' : 'zh')}><option value="zh">{t('language.zh')}</option><option value="en">English</option></select>}</Labelled>
      </div>
      <Labelled label={t('cases.facts')}>{(id) => <Input.TextArea id={id} rows={3} value={facts} onChange={(e) => setFacts(e.target.value)} maxLength={20_000} />}</Labelled>
      {step === 'notice' ? <Labelled label={t('cases.to')}>{(id) => <input id={id} className="native" value={to} onChange={(e) => setTo(e.target.value)} maxLength={4_000} autoComplete="off" />}</Labelled> : null}
      <p><Button loading={busy} disabled={template === ''} onClick={() => void make()}>{t('cases.make_words')}</Button></p>
      <div className="field gap"><label htmlFor={area}>{t('cases.words')}</label><Input.TextArea id={area} rows={9} value={words} onChange={(e) => setWords(e.target.value)} maxLength={40_000} placeholder={t('cases.words_missing')} /></div>
      {/* As it will be read: what hides in it shows. */}
      {words.trim() === '' ? null : <Foreign text={words} className="small gap" label={word(t, 'case_step', step)} />}
      <div className="row"><Button type="primary" htmlType="submit" disabled={words.trim() === '' || props.busy}>{t(step === 'answer' ? 'cases.give_answer' : 'cases.keep_notice')} <kbd aria-hidden="true">Ctrl+Enter</kbd></Button><Button onClick={props.cancel}>{t('do.cancel')}</Button></div>
    </form>
  )
}
