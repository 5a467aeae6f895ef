import { App, Button, Checkbox, Input, Modal, type InputRef } from 'antd'
import { useRef, useState } from 'react'
import { Link, useNavigate } from 'react-router-dom'
import { request } from '../api/client'
import type { Answers, Grade, Incident, Incidents, IncidentState, Rules } from '../api/incidents'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, type Lang, moment, who } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown, Tile, type Tone } from '../ui/kit'

export const STATE_TONES: Record<IncidentState, Tone> = { proposed: 'warn', open: 'bad', contained: 'info', closed: 'good', dismissed: 'calm' }
const GRADE_TONES: readonly Tone[] = ['calm', 'warn', 'bad', 'stop']

/** The name of an id in the rules; the id where there is none. */
export const named = (list: readonly { id: string; zh: string; en: string }[], id: string, lang: Lang): string => list.find((one) => one.id === id)?.[lang] ?? id

export function GradeChip(props: { rules: Rules; grade: string }) {
  const { lang } = useLanguage()
  const height = props.rules.grade.findIndex((g) => g.id === props.grade)
  return <Chip tone={GRADE_TONES[height] ?? 'calm'}>{named(props.rules.grade, props.grade, lang)}</Chip>
}

export default function IncidentsPage() {
  return <List drill={false} />
}

export function List(props: { drill: boolean }) {
  const { t, lang } = useLanguage()
  const { drill } = props
  const [opening, setOpening] = useState(false)
  const rules = useLoaded((signal) => request<Rules>('get', '/admin/incidents/rules', { signal }), [])
  const loaded = useLoaded((signal) => request<Incidents>('get', '/admin/incidents', { query: { drill }, signal }), [drill], 30_000)
  const title = t(drill ? 'nav.drills' : 'nav.incidents')
  return (
    <Page title={title} about={t(drill ? 'incidents.drills_about' : 'incidents.about')} actions={<><Button onClick={loaded.reload}>{t('do.refresh')}</Button><Button type="primary" danger={!drill} onClick={() => setOpening(true)}>{t(drill ? 'incidents.new_drill' : 'incidents.new')}</Button></>}>
      <Shown of={rules}>
        {(r) => (
          <>
            <Shown of={loaded}>
              {(data) => (
                <>
                  {drill ? null : (
                    <div className="tiles">
                      {(['proposed', 'open', 'contained', 'overdue', 'closed'] as const).map((f) => <Tile key={f} name={t(`incidents.figure_${f}`)} value={count(data.figures[f], lang)} />)}
                    </div>
                  )}
                  <Panel title={t('incidents.list')}>
                    <DataTable<Incident> label={title} rows={data.incidents} id={(i) => i.id} mark={(i) => i.state === 'proposed'} empty={<Nothing title={t(drill ? 'incidents.no_drills' : 'incidents.nothing')} hint={t(drill ? 'incidents.no_drills_hint' : 'incidents.nothing_hint')} />} columns={[
                      { key: 'title', title: t('incidents.title'), wide: true, show: (i) => <Link className="break" to={`/incidents/${i.id}`}>#{i.number} {i.title}</Link> },
                      { key: 'state', title: t('field.state'), show: (i) => <Chip tone={STATE_TONES[i.state]}>{word(t, 'incident_state', i.state)}</Chip> },
                      { key: 'grade', title: t('incidents.grade'), show: (i) => <GradeChip rules={r} grade={i.grade} /> },
                      { key: 'class', title: t('incidents.class'), show: (i) => named(r.class, i.class, lang) },
                      { key: 'aware', title: t('incidents.aware'), show: (i) => moment(i.aware, lang) },
                      { key: 'tenant', title: t('field.tenant'), show: (i) => i.tenant ?? '–' },
                      { key: 'by', title: t('incidents.opened_by'), show: (i) => <span className="break">{who(i.by)}</span> },
                    ]} />
                  </Panel>
                </>
              )}
            </Shown>
            {opening ? <Open rules={r} drill={drill} onClose={() => setOpening(false)} /> : null}
          </>
        )}
      </Shown>
    </Page>
  )
}

/** The questionnaire, with the grade that its answers make. */
export function Questions(props: { rules: Rules; answers: Answers; onChange: (answers: Answers) => void }) {
  const { t, lang } = useLanguage()
  const { rules, answers } = props
  const graded = useLoaded((signal) => request<Grade>('post', '/admin/incidents/grade', { body: { answers }, signal }), [answers])
  const set = (id: string, value: number | string | boolean | undefined) => {
    const next = { ...answers }
    if (value === undefined) delete next[id]
    else next[id] = value
    props.onChange(next)
  }
  return (
    <>
      <p className="quiet">{t('incidents.questions_hint')}</p>
      {rules.question.map((q) => (
        <div className="field gap" key={q.id}>
          {q.kind === 'yes' ? <Checkbox checked={answers[q.id] === true} onChange={(e) => set(q.id, e.target.checked || undefined)}>{q[lang]}</Checkbox> : (
            <>
              <label htmlFor={`question-${q.id}`}>{q[lang]}</label>
              {q.kind === 'number'
                ? <Input id={`question-${q.id}`} inputMode="numeric" autoComplete="off" value={String(answers[q.id] ?? '')} onChange={(e) => { const digits = e.target.value.replace(/\D/g, '').slice(0, 12); set(q.id, digits === '' ? undefined : Number(digits)) }} />
                : <select id={`question-${q.id}`} className="native" value={String(answers[q.id] ?? '')} onChange={(e) => set(q.id, e.target.value === '' ? undefined : e.target.value)}><option value="">–</option>{(q.option ?? []).map((o) => <option key={o.id} value={o.id}>{o[lang]}</option>)}</select>}
            </>
          )}
        </div>
      ))}
      <div role="status" className="gap">
        {graded.data ? <p>{t('incidents.grade_now')} <GradeChip rules={rules} grade={graded.data.grade} /> {graded.data.two ? <Chip>{t('incidents.two')}</Chip> : null}</p> : null}
      </div>
    </>
  )
}

function Open(props: { rules: Rules; drill: boolean; onClose: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const go = useNavigate()
  const first = useRef<InputRef>(null)
  const [title, setTitle] = useState('')
  const [kind, setKind] = useState(props.rules.class[0]?.id ?? '')
  const [aware, setAware] = useState('')
  const [answers, setAnswers] = useState<Answers>({})
  const [announce, setAnnounce] = useState(!props.drill)
  const [busy, setBusy] = useState(false)
  const open = async () => {
    setBusy(true)
    try {
      const made = await request<Incident>('post', '/admin/incidents', { body: { title: title.trim(), class: kind, answers, drill: props.drill, announce, ...(aware ? { aware: new Date(aware).toISOString() } : {}) } })
      go(`/incidents/${made.id}`)
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open width={680} title={t(props.drill ? 'incidents.new_drill' : 'incidents.new')} onCancel={props.onClose} onOk={() => void open()} okText={t('incidents.open_it')} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ disabled: title.trim() === '' }} afterOpenChange={(shown) => { if (shown) first.current?.focus() }}>
      <div className="field gap"><label htmlFor="incident-title">{t('incidents.title')}</label><Input id="incident-title" value={title} maxLength={100} onChange={(e) => setTitle(e.target.value)} ref={first} /><span className="quiet">{t('incidents.title_hint')}</span></div>
      <div className="form-two">
        <div className="field gap"><label htmlFor="incident-class">{t('incidents.class')}</label><select id="incident-class" className="native" value={kind} onChange={(e) => setKind(e.target.value)}>{props.rules.class.map((c) => <option key={c.id} value={c.id}>{c[lang]}</option>)}</select></div>
        <div className="field gap"><label htmlFor="incident-aware">{t('incidents.aware')}</label><input id="incident-aware" type="datetime-local" className="native" value={aware} onChange={(e) => setAware(e.target.value)} /><span className="quiet">{t('incidents.aware_hint')}</span></div>
      </div>
      <h3>{t('incidents.questions')}</h3>
      <Questions rules={props.rules} answers={answers} onChange={setAnswers} />
      <Checkbox checked={announce} onChange={(e) => setAnnounce(e.target.checked)}>{t('incidents.announce')}</Checkbox>
    </Modal>
  )
}
