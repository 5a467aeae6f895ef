import { App, Button } from 'antd'
import { useEffect, useRef, useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router-dom'
import { request } from '../api/client'
import { nameOf, possible, type Book, type Case as Row, type CaseFile, type Step } from '../api/cases'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, who } from '../lib/format'
import { Chip, Facts, Foreign, Page, Panel, sentence, Shown } from '../ui/kit'
import { StepForm } from './case_forms'
import { Timeline } from './case_timeline'
import { DueChip, Keys, StateChip, useKeys } from './cases_parts'

/** The key of a step. */
const KEYS: Partial<Record<Step, string>> = {
  acknowledge: 'a', start: 's', decide: 'd', approve: 'p', disapprove: 'u', effect: 'f', notice: 't', answer: 'w', close: 'c', reject: 'x', reopen: 'r', assign: 'g', link: 'l', note: 'n', evidence: 'e', assess: 'v',
}
/** Steps with nothing to fill in. */
const PLAIN: readonly Step[] = ['acknowledge', 'start', 'approve', 'close']
const MAIN: readonly Step[] = ['acknowledge', 'start', 'decide', 'approve', 'answer', 'close']

export default function CasePage() {
  const { t } = useLanguage()
  const { id = '' } = useParams()
  const book = useLoaded((signal) => request<Book>('get', '/admin/cases/book', { signal }), [])
  const loaded = useLoaded((signal) => request<CaseFile>('get', `/admin/cases/${encodeURIComponent(id)}`, { signal }), [id])
  const title = loaded.data ? loaded.data.number : t('nav.cases')
  return (
    <Page title={title} actions={<Link to="/cases">{t('cases.key_back')} <kbd aria-hidden="true">b</kbd></Link>}>
      <Shown of={book}>{(b) => <Shown of={loaded}>{(file) => <One key={file.id} file={file} book={b} reload={loaded.reload} />}</Shown>}</Shown>
    </Page>
  )
}

function One(props: { file: CaseFile; book: Book; reload: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const go = useNavigate()
  const { file, book } = props
  const [form, setForm] = useState<Step | null>(null)
  const [busy, setBusy] = useState(false)
  /** Steps taken since the page began. */
  const [taken, setTaken] = useState(0)
  const [help, setHelp] = useState(false)
  const actions = useRef<HTMLDivElement>(null)
  const steps = book.may_work ? possible(file, book.me) : []
  const shown = form && steps.includes(form) ? form : null

  const take = async (body: Record<string, unknown> & { step: Step }): Promise<boolean> => {
    if (busy) return false
    setBusy(true)
    try {
      await request<Row>('post', `/admin/cases/${encodeURIComponent(file.id)}/steps`, { body })
      void message.success(`${word(t, 'case_step', body.step)}: ${t('cases.done')}`)
      // Another form may have been opened meanwhile; what is written there stays.
      setForm((was) => (was === body.step ? null : was))
      setTaken((n) => n + 1)
      props.reload()
      setBusy(false)
      return true
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
      return false
    }
  }
  const begin = (step: Step) => { if (PLAIN.includes(step)) void take({ step }); else setForm(step) }
  const keyed = Object.fromEntries(steps.flatMap((step) => (KEYS[step] ? [[KEYS[step], () => begin(step)]] : [])))
  useKeys({
    ...keyed,
    ...(steps.includes('assign') ? { m: () => void take({ step: 'assign', to: book.me }) } : {}),
    b: () => go('/cases'),
    Escape: () => { const inside = document.activeElement?.closest('input, textarea, select'); if (inside) (inside as HTMLElement).blur(); setForm(null) },
    '?': () => setHelp((was) => !was),
  }, true)
  // One stands among the actions when the page begins, when a form closes and when a step was taken, not at the top. An effect, for a timer would
  // take the focus from a form that was opened before it ran.
  useEffect(() => { if (shown === null) actions.current?.focus({ preventScroll: true }) }, [shown, taken])

  const named = (id: string | null) => nameOf(book.decisions, id, lang)
  const facts: (readonly [string, React.ReactNode])[] = [
    [t('cases.kind'), nameOf(book.kinds, file.kind, lang)], [t('cases.category'), nameOf(book.categories, file.category, lang)],
    [t('cases.due_at'), moment(file.due_at, lang)],
    ...(file.state === 'received' ? [[t('cases.ack_due_at'), moment(file.ack_due_at, lang)] as const] : []),
    [t('cases.received_at'), moment(file.created_at, lang)], ...(file.answered_at ? [[t('cases.answered_at'), moment(file.answered_at, lang)] as const] : []),
    [t('cases.source'), word(t, 'case_source', file.source)], [t('cases.app_tenant'), `${file.tenant} / ${file.app}`], [t('field.user'), file.user],
    [t('cases.assignee'), file.assignee ? who(file.assignee) : t('cases.nobody')],
    [t('cases.record'), file.request_id ? <Link key="r" to={`/records/${encodeURIComponent(file.request_id)}`}>{t('do.open')}</Link> : '–'],
    ...(file.review === null ? [] : [[t('cases.review'), `#${file.review}`] as const]),
  ]
  const { body } = file
  return (
    <>
      <div className="row gap"><Chip>{word(t, 'case_family', file.family)}</Chip><StateChip of={file} /><DueChip of={file} />{file.reopened ? <Chip tone="warn">{t('cases.reopened')}</Chip> : null}</div>
      <Keys open={help} toggle={() => setHelp((was) => !was)} of={[
        ...steps.flatMap((step) => (KEYS[step] ? [[KEYS[step], word(t, 'case_step', step)] as const] : [])),
        ['m', t('cases.key_take')], ['b', t('cases.key_back')], ['Esc', t('cases.key_leave')], ['Ctrl+Enter', t('cases.key_send')], ['?', t('cases.key_help')],
      ]} />
      {file.suspension ? <p className="warning gap" role="note"><strong>{t('cases.suspension')}</strong> {t('cases.suspension_about', { user: file.suspension.user, reason: file.suspension.reason, by: who(file.suspension.by), until: file.suspension.until ? moment(file.suspension.until, lang) : t('cases.no_end') })}</p> : null}
      <div className="grid side-by-side">
        <div className="stack">
          <Panel title={nameOf(book.kinds, file.kind, lang)}>
            <Facts of={facts} />
          </Panel>
          <Panel title={t('cases.body')}>
            <Foreign text={body.text} label={t('cases.body')} />
            <div className="top-gap"><Facts of={[
              ...(body.contact ? [[t('cases.contact'), body.contact] as const] : []),
              // An address that somebody outside wrote is text here, not a link: whoever follows it copies it knowingly.
              ...(body.url ? [[t('cases.url'), <span key="u" className="break">{body.url}</span>] as const] : []),
              ...(body.reference && body.reference !== file.request_id ? [[t('cases.reference'), body.reference] as const] : []),
              ...(body.account ? [[t('cases.account'), body.account] as const] : []),
            ]} /></div>
            {body.content ? <><h3>{t('cases.content')}</h3><Foreign text={body.content} label={t('cases.content')} className="small" /></> : null}
          </Panel>
        </div>
        <div className="stack">
          <Panel title={t('cases.actions')}>
            {file.decision ? (
              <p><span className="quiet">{t('cases.decision')}</span> <Chip tone={file.pending ? 'warn' : 'info'}>{named(file.decision)}</Chip> <span className="quiet">{t(file.pending ? 'cases.waits' : 'cases.decided', { by: who(file.decided_by ?? '–') })}{file.approved_by ? ` · ${t('cases.approved', { by: who(file.approved_by) })}` : ''}</span></p>
            ) : null}
            <div className="row" ref={actions} tabIndex={-1} role="group" aria-label={t('cases.actions')}>
              {steps.map((step) => <Button key={step} type={MAIN.includes(step) && step === steps.find((s) => MAIN.includes(s)) ? 'primary' : 'default'} disabled={busy} aria-expanded={PLAIN.includes(step) ? undefined : shown === step} onClick={() => begin(step)}>{word(t, 'case_step', step)} <kbd aria-hidden="true">{KEYS[step]}</kbd></Button>)}
            </div>
            {book.may_work ? null : <p className="quiet">{t('cases.read_only')}</p>}
            {shown ? <StepForm key={shown} step={shown} file={file} book={book} busy={busy} take={take} cancel={() => setForm(null)} /> : null}
          </Panel>
          <Panel title={t('cases.timeline')} actions={<Chip tone={file.whole ? 'good' : 'bad'}>{t(file.whole ? 'cases.whole' : 'cases.broken')}</Chip>}>
            <Timeline file={file} book={book} />
          </Panel>
        </div>
      </div>
    </>
  )
}
