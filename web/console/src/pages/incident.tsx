import { App, Button, Checkbox, Input, Modal } from 'antd'
import { useEffect, useState, type ReactNode } from 'react'
import { Link, useParams } from 'react-router-dom'
import { request, send } from '../api/client'
import type { Answers, Draft, Folder, Measure, Rules, Step, Timer } from '../api/incidents'
import { useLanguage, word, type Translate } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, type Lang, moment, who } from '../lib/format'
import { Chip, DataTable, Facts, Foreign, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { GradeChip, named, Questions, STATE_TONES } from './incidents'

type Act = (method: 'post' | 'patch', path: string, body: unknown) => Promise<boolean>
interface Part { rules: Rules; folder: Folder; act: Act; lang: Lang; t: Translate; working: boolean }

export default function IncidentPage() {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { id = '' } = useParams()
  const path = `/admin/incidents/${encodeURIComponent(id)}`
  const [asking, setAsking] = useState<{ title: string; about?: string; ok: string; done: (text: string) => Promise<boolean>; needed?: boolean } | null>(null)
  const [regrading, setRegrading] = useState(false)
  const rules = useLoaded((signal) => request<Rules>('get', '/admin/incidents/rules', { signal }), [])
  const loaded = useLoaded((signal) => request<Folder>('get', path, { signal }), [path], 20_000)
  const act: Act = async (method, rest, body) => {
    try {
      await request(method, `${path}${rest}`, { body })
      loaded.reload()
      return true
    } catch (e) {
      void message.error(sentence(e, t), 8)
      return false
    }
  }
  const folder = loaded.data
  const decide = (decision: string, reason: string, answers?: Answers) => act('post', '/decision', { decision, reason, ...(answers ? { answers } : {}) })
  const turn = (state: string, reason = '') => act('post', '/state', { state, reason })
  const buttons = (): ReactNode => {
    if (!folder) return null
    if (folder.state === 'proposed') return <><Button onClick={() => setAsking({ title: t('incidents.dismiss'), about: t('incidents.dismiss_about'), ok: t('incidents.dismiss'), needed: true, done: (text) => decide('dismiss', text) })}>{t('incidents.dismiss')}</Button><Button type="primary" danger onClick={() => setRegrading(true)}>{t('incidents.confirm')}</Button></>
    if (folder.state === 'open') return <><Button onClick={() => setRegrading(true)}>{t('incidents.regrade')}</Button><Button type="primary" onClick={() => void turn('contained')}>{t('incidents.contain')}</Button></>
    const reopen = <Button onClick={() => setAsking({ title: t('incidents.reopen'), ok: t('incidents.reopen'), needed: true, done: (text) => turn('open', text) })}>{t('incidents.reopen')}</Button>
    if (folder.state === 'contained') return <>{reopen}<Button type="primary" onClick={() => void turn('closed')}>{t(folder.close_asked_by ? 'incidents.close_agree' : 'incidents.close')}</Button></>
    return folder.state === 'closed' ? reopen : null
  }
  return (
    <Page title={folder ? `#${folder.number} ${folder.title}` : t('nav.incidents')} actions={<><Link to={folder?.drill ? '/drills' : '/incidents'}>{t('incidents.back')}</Link>{buttons()}</>}>
      <Shown of={rules}>{(r) => <Shown of={loaded}>{(f) => {
        const part: Part = { rules: r, folder: f, act, lang, t, working: f.state === 'open' || f.state === 'contained' }
        return (
          <>
            {f.state === 'proposed' ? <p role="note">{t('incidents.proposed_about')}</p> : null}
            {f.close_asked_by && f.state === 'contained' ? <p role="note"><Chip tone="warn">{t('incidents.close_asked', { name: f.close_asked_by })}</Chip></p> : null}
            <div className="grid two">
              <Glance {...part} />
              <Timers {...part} ask={setAsking} />
            </div>
            {f.tasks.length > 0 ? <Tasks {...part} /> : null}
            <div className="grid two">
              <Roles key={`roles-${JSON.stringify(f.roles)}`} {...part} />
              <Reports {...part} path={path} />
            </div>
            <Texts key={`facts-${JSON.stringify(f.facts)}`} {...part} />
            <Evidence {...part} path={path} reload={loaded.reload} />
            <Lessons key={`lessons-${JSON.stringify(f.lessons)}`} {...part} />
            <Timeline {...part} />
            {regrading ? <Regrade {...part} onClose={() => setRegrading(false)} done={(answers) => (f.state === 'proposed' ? decide('confirm', '', answers) : act('patch', '', { answers }))} /> : null}
          </>
        )
      }}</Shown>}</Shown>
      {asking ? <Ask {...asking} onClose={() => setAsking(null)} /> : null}
    </Page>
  )
}

function Ask(props: { title: string; about?: string; ok: string; needed?: boolean; done: (text: string) => Promise<boolean>; onClose: () => void }) {
  const { t } = useLanguage()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const go = async () => { setBusy(true); if (await props.done(text)) props.onClose(); else setBusy(false) }
  return (
    <Modal open title={props.title} onCancel={props.onClose} onOk={() => void go()} okText={props.ok} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ disabled: (props.needed ?? false) && text.trim() === '' }}>
      {props.about ? <p>{props.about}</p> : null}
      <div className="field"><label htmlFor="ask-text">{t(props.needed ? 'incidents.reason' : 'incidents.note')}</label><Input.TextArea id="ask-text" rows={3} maxLength={4000} value={text} onChange={(e) => setText(e.target.value)} autoFocus /></div>
    </Modal>
  )
}

function Regrade(props: Part & { done: (answers: Answers) => Promise<boolean>; onClose: () => void }) {
  const { t } = props
  const [answers, setAnswers] = useState<Answers>(props.folder.answers)
  const go = async () => { if (await props.done(answers)) props.onClose() }
  return <Modal open width={680} title={t('incidents.questions')} onCancel={props.onClose} onOk={() => void go()} okText={t(props.folder.state === 'proposed' ? 'incidents.confirm' : 'do.save')} cancelText={t('do.cancel')}><Questions rules={props.rules} answers={answers} onChange={setAnswers} /></Modal>
}

function Glance(p: Part) {
  const { t, lang, folder: f } = p
  return (
    <Panel title={t('incidents.facts_title')}>
      <Facts of={[
        [t('field.state'), <span className="row" key="s"><Chip tone={STATE_TONES[f.state]}>{word(t, 'incident_state', f.state)}</Chip>{f.drill ? <Chip tone="info">{t('incidents.drill')}</Chip> : null}</span>],
        [t('incidents.class'), named(p.rules.class, f.class, lang)],
        [t('incidents.grade'), <span className="row" key="g"><GradeChip rules={p.rules} grade={f.grade} />{f.two ? <Chip>{t('incidents.two')}</Chip> : null}</span>],
        [t('incidents.occurred'), moment(f.occurred, lang)], [t('incidents.aware'), moment(f.aware, lang)],
        [t('incidents.contained_at'), moment(f.contained, lang)], [t('incidents.closed_at'), moment(f.closed, lang)],
        [t('field.tenant'), f.tenant ?? '–'], [t('incidents.opened_by'), who(f.by)],
      ]} />
      <h3>{t('incidents.why')}</h3>
      {f.reasons.length === 0 ? <p className="quiet">{t('incidents.no_reason')}</p> : <ul>{f.reasons.map((r) => <li key={r.question}>{r[lang]} <span className="quiet">{r.clause} · {word(t, 'incident_basis', r.basis)}</span></li>)}</ul>}
    </Panel>
  )
}

/** A span of time in the two largest units that count. */
export function span(ms: number, lang: Lang): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const [d, h, m] = [Math.floor(s / 86_400), Math.floor((s % 86_400) / 3600), Math.floor((s % 3600) / 60)]
  const unit = lang === 'zh' ? { d: ' 天', h: ' 小时', m: ' 分', s: ' 秒' } : { d: ' d', h: ' h', m: ' min', s: ' s' }
  if (d > 0) return `${d}${unit.d} ${h}${unit.h}`
  if (h > 0) return `${h}${unit.h} ${m}${unit.m}`
  return `${m}${unit.m} ${s % 60}${unit.s}`
}

/** The server's clock, going on: deadlines are its, not the browser's. */
function useServerNow(at: string): number {
  const [now, setNow] = useState(() => new Date(at).getTime())
  useEffect(() => {
    const [base, started] = [new Date(at).getTime(), performance.now()]
    const timer = window.setInterval(() => setNow(base + performance.now() - started), 1000)
    return () => window.clearInterval(timer)
  }, [at])
  return now
}

function Timers(p: Part & { ask: (ask: { title: string; about: string; ok: string; done: (text: string) => Promise<boolean> }) => void }) {
  const { t, lang, folder: f } = p
  const now = useServerNow(f.now)
  const chip = (timer: Timer): ReactNode => {
    if (timer.met) return <Chip tone={timer.late ? 'warn' : 'good'}>{t(timer.late ? 'incidents.met_late' : 'incidents.met', { time: moment(timer.met, lang) })}</Chip>
    const left = new Date(timer.due).getTime() - now
    const tone = left <= 0 ? 'stop' : new Date(timer.soon).getTime() <= now ? 'warn' : 'info'
    return <Chip tone={tone}>{t(left <= 0 ? 'incidents.over' : 'incidents.left', { time: span(Math.abs(left), lang) })}</Chip>
  }
  return (
    <Panel title={t('incidents.timers')}>
      {f.timers.length === 0 ? <p className="quiet">{t('incidents.no_timers')}</p> : (
        <ul className="plain">
          {f.timers.map((timer) => (
            <li key={timer.id} className="gap">
              <strong>{timer[lang]}</strong>
              <div className="row">{chip(timer)}<span className="quiet">{moment(timer.due, lang)}</span></div>
              <div className="quiet">{timer.clause}</div>
              {timer.met || !p.working ? null : <Button size="small" onClick={() => p.ask({ title: timer[lang], about: t('incidents.meet_about'), ok: t('incidents.meet'), done: (note) => p.act('post', '/timers', { timer: timer.id, note }) })}>{t('incidents.meet')}</Button>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Tasks(p: Part) {
  const { t, lang, folder: f } = p
  const done = f.tasks.filter((task) => task.done).length
  return (
    <Panel title={t('incidents.tasks')} actions={<Chip tone={done === f.tasks.length ? 'good' : 'info'}>{t('incidents.tasks_done', { done, all: f.tasks.length })}</Chip>}>
      <ul className="plain">
        {f.tasks.map((task) => (
          <li key={task.id} className="gap">
            <Checkbox checked={task.done !== null} disabled={!p.working} onChange={(e) => void p.act('post', '/tasks', { task: task.id, done: e.target.checked, note: task.note })}>{task[lang]}</Checkbox>
            <div className="quiet small">{task.due ? t('incidents.by_when', { role: named(p.rules.role, task.role, lang), time: moment(task.due, lang) }) : named(p.rules.role, task.role, lang)} · {task.clause}{task.done ? ` · ${t('incidents.done_by', { name: who(task.done_by), time: moment(task.done, lang) })}` : ''}</div>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function useDraftOf(list: readonly { id: string }[], from: Record<string, unknown>): [Record<string, string>, (id: string, text: string) => void] {
  const [texts, setTexts] = useState<Record<string, string>>(() => Object.fromEntries(list.map((one) => [one.id, String(from[one.id] ?? '')])))
  return [texts, (id, text) => setTexts((was) => ({ ...was, [id]: text }))]
}

function useSave(p: Part, body: () => unknown): () => void {
  const { message } = App.useApp()
  return () => { void p.act('patch', '', body()).then((ok) => { if (ok) void message.success(p.t('incidents.saved')) }) }
}

function Roles(p: Part) {
  const { t, lang, rules } = p
  const [roles, set] = useDraftOf(rules.role, p.folder.roles)
  const save = useSave(p, () => ({ roles }))
  return (
    <Panel title={t('incidents.roles')}>
      <p className="quiet">{t('incidents.roles_hint')}</p>
      <div className="form-two">{rules.role.map((r) => <div className="field gap" key={r.id}><label htmlFor={`role-${r.id}`}>{r[lang]}</label><Input id={`role-${r.id}`} autoComplete="off" disabled={!p.working} maxLength={64} value={roles[r.id] ?? ''} onChange={(e) => set(r.id, e.target.value)} /></div>)}</div>
      {p.working ? <Button onClick={save}>{t('incidents.save_roles')}</Button> : null}
    </Panel>
  )
}

function Texts(p: Part) {
  const { t, lang, rules } = p
  const [facts, set] = useDraftOf(rules.fact, p.folder.facts)
  const save = useSave(p, () => ({ facts }))
  return (
    <Panel title={t('incidents.report_facts')}>
      <div className="form-two">{rules.fact.map((x) => <div className="field gap" key={x.id}><label htmlFor={`fact-${x.id}`}>{x[lang]}</label><Input.TextArea id={`fact-${x.id}`} rows={3} disabled={!p.working} maxLength={8000} value={facts[x.id] ?? ''} onChange={(e) => set(x.id, e.target.value)} /></div>)}</div>
      {p.working ? <Button type="primary" onClick={save}>{t('incidents.save_facts')}</Button> : null}
    </Panel>
  )
}

/** Saves an answer of the server as a file. */
async function save(path: string, query: Record<string, string>, name: string): Promise<void> {
  const blob = await (await send('get', path, { query })).blob()
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}

function Reports(p: Part & { path: string }) {
  const { t, lang, folder: f } = p
  const { message } = App.useApp()
  const [shown, setShown] = useState<string | null>(null)
  const fetch = (kind: string, format: string, end: string) => { save(`${p.path}/report`, { kind, lang, format }, `incident-${f.number}-${kind}.${end}`).catch((e: unknown) => { void message.error(sentence(e, t)) }) }
  return (
    <Panel title={t('incidents.reports')}>
      <ul className="plain">
        {p.rules.report.filter((r) => r.drill === f.drill || !r.drill).map((r) => (
          <li key={r.id} className="gap"><strong>{r[lang]}</strong><div className="quiet small">{r.clause}</div>
            <div className="row"><Button size="small" onClick={() => setShown(r.id)}>{t('incidents.draft')}</Button><Button size="small" onClick={() => fetch(r.id, 'html', 'html')}>{t('incidents.as_html')}</Button><Button size="small" onClick={() => fetch(r.id, 'text', 'txt')}>{t('incidents.as_text')}</Button></div>
          </li>
        ))}
      </ul>
      {shown ? <DraftOf path={p.path} kind={shown} onClose={() => setShown(null)} /> : null}
    </Panel>
  )
}

function DraftOf(props: { path: string; kind: string; onClose: () => void }) {
  const { t, lang } = useLanguage()
  const loaded = useLoaded((signal) => request<Draft>('get', `${props.path}/report`, { query: { kind: props.kind, lang }, signal }), [props.kind, lang])
  return (
    <Modal open width={720} title={loaded.data?.title ?? t('incidents.reports')} onCancel={props.onClose} footer={<Button onClick={props.onClose}>{t('do.close')}</Button>}>
      <Shown of={loaded}>{(d) => (
        <>
          {d.missing > 0 ? <p><Chip tone="warn">{t('incidents.missing', { n: d.missing })}</Chip></p> : null}
          {d.parts.map((x) => <section key={x.heading}><h3>{x.heading}</h3>{x.missing ? <Chip tone="warn">{t('incidents.to_fill')}</Chip> : <Foreign text={x.text === '' ? '—' : x.text} />}</section>)}
        </>
      )}</Shown>
    </Modal>
  )
}

function Evidence(p: Part & { path: string; reload: () => void }) {
  const { t, lang, folder: f } = p
  const { message } = App.useApp()
  const [hours, setHours] = useState('24')
  const [app, setApp] = useState('')
  const [busy, setBusy] = useState(false)
  const take = async () => {
    setBusy(true)
    const from = new Date(Date.now() - Math.max(1, Number(hours) || 24) * 3_600_000).toISOString()
    if (await p.act('post', '/evidence', { from, ...(app.trim() ? { app: app.trim() } : {}) })) void message.success(t('incidents.took'))
    setBusy(false)
  }
  return (
    <Panel title={t('incidents.evidence')}>
      <p className="quiet">{t('incidents.evidence_about')}</p>
      <div className="row gap">
        <div className="field"><label htmlFor="evidence-hours">{t('incidents.hours')}</label><Input id="evidence-hours" inputMode="numeric" value={hours} onChange={(e) => setHours(e.target.value.replace(/\D/g, '').slice(0, 5))} /></div>
        <div className="field"><label htmlFor="evidence-app">{t('field.app')}</label><Input id="evidence-app" autoComplete="off" value={app} onChange={(e) => setApp(e.target.value)} /></div>
        <Button loading={busy} onClick={() => void take()}>{t('incidents.take')}</Button>
      </div>
      <DataTable label={t('incidents.evidence')} rows={f.files} id={(x) => x.id} empty={<Nothing title={t('incidents.no_evidence')} />} columns={[
        { key: 'name', title: t('field.name'), wide: true, keep: true, show: (x) => <>{x.name}<div className="quiet small break mono">SHA-256 {x.sha256}</div></> },
        { key: 'records', title: t('incidents.records'), end: true, show: (x) => count(x.records, lang) },
        { key: 'at', title: t('field.created'), show: (x) => moment(x.created, lang) },
        { key: 'do', title: t('field.do'), show: (x) => <Button size="small" onClick={() => { save(`${p.path}/evidence`, { file: x.id }, x.name).catch((e: unknown) => { void message.error(sentence(e, t)) }) }}>{t('incidents.download')}</Button> },
      ]} />
    </Panel>
  )
}

function Lessons(p: Part) {
  const { t, lang, rules, folder: f } = p
  const [texts, set] = useDraftOf(rules.lesson, f.lessons)
  const [measures, setMeasures] = useState<Measure[]>(() => (Array.isArray(f.lessons.measures) ? f.lessons.measures : []))
  const save = useSave(p, () => ({ lessons: { texts, measures: measures.filter((m) => m.text.trim() !== '') } }))
  const change = (at: number, part: Partial<Measure>) => setMeasures((was) => was.map((m, i) => (i === at ? { ...m, ...part } : m)))
  return (
    <Panel title={t('incidents.lessons')}>
      <div className="form-two">{rules.lesson.map((l) => <div className="field gap" key={l.id}><label htmlFor={`lesson-${l.id}`}>{l[lang]}</label><Input.TextArea id={`lesson-${l.id}`} rows={3} disabled={!p.working} maxLength={8000} value={texts[l.id] ?? ''} onChange={(e) => set(l.id, e.target.value)} /></div>)}</div>
      <h3>{t('incidents.measures')}</h3>
      {measures.map((m, i) => (
        <div className="row gap" key={i}>
          <div className="field"><label htmlFor={`measure-${i}`}>{t('incidents.measure')}</label><Input id={`measure-${i}`} disabled={!p.working} maxLength={1000} value={m.text} onChange={(e) => change(i, { text: e.target.value })} /></div>
          <div className="field"><label htmlFor={`owner-${i}`}>{t('incidents.owner')}</label><Input id={`owner-${i}`} disabled={!p.working} maxLength={100} value={m.owner} onChange={(e) => change(i, { owner: e.target.value })} /></div>
          <div className="field"><label htmlFor={`due-${i}`}>{t('incidents.due')}</label><input id={`due-${i}`} type="date" className="native" disabled={!p.working} value={m.due} onChange={(e) => change(i, { due: e.target.value })} /></div>
          <Checkbox checked={m.done} disabled={!p.working} onChange={(e) => change(i, { done: e.target.checked })}>{t('incidents.done')}</Checkbox>
        </div>
      ))}
      {p.working ? <div className="row"><Button onClick={() => setMeasures((was) => [...was, { text: '', owner: '', due: '', done: false }])}>{t('incidents.add_measure')}</Button><Button type="primary" onClick={save}>{t('incidents.save_lessons')}</Button></div> : null}
    </Panel>
  )
}

function Timeline(p: Part) {
  const { t, lang, folder: f } = p
  const [text, setText] = useState('')
  const add = async () => { if (text.trim() !== '' && await p.act('post', '/notes', { text: text.trim() })) setText('') }
  const said = (step: Step): string => ['text', 'reason', lang, 'note', 'name'].map((k) => step.detail[k]).filter((v): v is string => typeof v === 'string' && v !== '').join(' · ')
  return (
    <Panel title={t('incidents.timeline')}>
      <div className="row gap"><div className="field grow"><label htmlFor="timeline-note">{t('incidents.note')}</label><Input id="timeline-note" value={text} maxLength={4000} onChange={(e) => setText(e.target.value)} onPressEnter={() => void add()} /></div><Button onClick={() => void add()}>{t('incidents.add_note')}</Button></div>
      <ol className="plain">
        {[...f.events].reverse().map((step) => (
          <li key={step.seq} className="gap"><div className="row"><span className="quiet mono">{moment(step.at, lang)}</span><Chip>{word(t, 'incident_event', step.kind)}</Chip><span className="break">{who(step.by)}</span></div>{said(step) ? <Foreign text={said(step)} /> : null}</li>
        ))}
      </ol>
    </Panel>
  )
}
