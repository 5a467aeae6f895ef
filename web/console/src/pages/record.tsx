import { App, Button, Input } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { call, request } from '../api/client'
import type { Conversation, FeedbackVerdict, FullRecord, Opinion, Proof, RecordFinding, RecordVerdict, Role } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, microseconds, milliseconds, moment, score, who } from '../lib/format'
import { useNames, useSession } from '../session'
import { ActionChip, Chip, Facts, Foreign, Highlighted, Meter, Nothing, OutcomeChip, Page, Panel, sentence, Shown, stageName } from '../ui/kit'

export default function RecordPage() {
  const { t } = useLanguage()
  const { id = '' } = useParams()
  const loaded = useLoaded((signal) => request<Conversation>('get', `/admin/records/${encodeURIComponent(id)}`, { signal }), [id])
  return (
    <Page title={t('record.title')} about={id} actions={<Link to="/records">{t('record.back')}</Link>}>
      <Shown of={loaded}>
        {(data) => (
          <>
            {data.records.length === 0 ? <Nothing title={t('records.no_match')} /> : data.records.map((r) => <One key={r.seq} record={r} />)}
            <div className="grid two"><Chain proof={data.proof} reload={loaded.reload} /><Feedback id={id} given={data.feedback} reload={loaded.reload} /></div>
          </>
        )}
      </Shown>
    </Page>
  )
}

function One(props: { record: FullRecord }) {
  const { t, lang } = useLanguage()
  const { record } = props
  const verdict = record.verdict ?? {}
  const took = (name: string) => record.timings?.[name]
  const timings = Object.entries(record.timings ?? {}).flatMap(([name, us]) => (name.endsWith('_us') && typeof us === 'number' ? [[name, us] as const] : []))
  const total = took('total_us')
  return (
    <>
      <Panel title={record.kind === 'admin' ? t('record.admin') : t('record.decision')} actions={<><ActionChip action={record.action} /><OutcomeChip outcome={record.outcome} /></>}>
        <Facts of={[
          [t('field.at'), moment(record.at, lang)], [t('field.rule'), record.rule ? <code key="r">{record.rule}</code> : '–'],
          [t('field.tenant'), record.tenant], [t('field.app'), record.app], [t('field.user'), record.user], [t('field.api'), record.api],
          [t('field.model'), record.model], [t('field.status'), record.status], [t('field.took'), milliseconds(typeof total === 'number' ? total / 1000 : null)], [t('field.seq'), record.seq], [t('overview.tokens'), took('tokens') ?? '–'],
          ...(record.answer_ref ? [[t('try.standard_answer'), <code key="a">{record.answer_ref}</code>] as const] : []),
          [t('record.packs'), Object.entries(record.packs ?? {}).map(([name, pack]) => `${name} ${pack.version}`).join(', ') || '–'],
          ...(record.error ? [[t('record.error'), record.error] as const] : []),
        ]} />
      </Panel>
      {verdict.input ? <Side name={t('overview.input')} verdict={verdict.input} text={record.text?.input} redacted={record.text?.redacted === true} places={verdict.places ?? [[0, 0]]} /> : null}
      {verdict.output ? <Side name={t('overview.output')} verdict={verdict.output} text={record.text?.output} redacted={record.text?.redacted === true} places={[[0, 0]]} /> : null}
      {!verdict.input && !verdict.output && record.text ? <Panel title={t('record.text')}><Foreign text={record.text.input} label={t('overview.input')} /><h3>{t('overview.output')}</h3><Foreign text={record.text.output} label={t('overview.output')} /></Panel> : null}
      {verdict.label ? <Panel title={t('record.label')}><Foreign text={JSON.stringify(verdict.label, null, 2)} className="mono" label={t('record.label')} /></Panel> : null}
      {timings.length > 0 ? (
        <Panel title={t('try.timing')}>{timings.map(([name, us]) => <Meter key={name} name={word(t, 'timing', name)} label={name} value={us} most={Math.max(1, ...timings.map(([, n]) => n))} shown={microseconds(us)} />)}</Panel>
      ) : null}
    </>
  )
}

/** Findings count from the beginning of their segment; the text of the record is the segments of the turn, one after the other. */
function placed(findings: readonly RecordFinding[], places: readonly (readonly [number, number])[]): RecordFinding[] {
  const begins = new Map(places)
  return findings.flatMap((f) => { const at = begins.get(f.segment ?? 0); return at === undefined ? [] : [{ ...f, start: f.start + at, end: f.end + at }] })
}

function Side(props: { name: string; verdict: RecordVerdict; text: string | undefined; redacted: boolean; places: readonly (readonly [number, number])[] }) {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const { verdict, text } = props
  const findings = verdict.findings ?? []
  const stages = verdict.stages ?? []
  const slowest = Math.max(1, ...stages.map((s) => s.us))
  return (
    <Panel title={props.name} actions={<ActionChip action={verdict.action} />}>
      {text === undefined || text === null ? <p className="quiet">{t('record.no_text')}</p> : text === '' ? <p className="quiet">{t('record.empty_text')}</p> : <Highlighted text={text} findings={props.redacted ? [] : placed(findings, props.places)} label={props.name} />}
      <div className="top-gap"><Facts of={[
        [t('field.level'), verdict.risk?.level ? `${named('levels', verdict.risk.level.id)} ${score(verdict.risk.level.score)}` : t('try.not_judged')],
        [t('field.intent'), verdict.intent ? `${named('intents', verdict.intent.id)} ${score(verdict.intent.score)}` : t('try.not_judged')],
        [t('field.topic'), verdict.topic ? `${named('topics', verdict.topic.id)} ${score(verdict.topic.score)}` : t('try.not_judged')],
        [t('field.sentiment'), verdict.sentiment ? `${word(t, 'sentiment', verdict.sentiment.id)} ${score(verdict.sentiment.score)}` : t('try.not_judged')],
        [t('field.rule'), verdict.rule ? <code key="r">{verdict.rule}</code> : t('try.no_rule')],
        [t('try.principles'), verdict.principles?.length ? verdict.principles.map((p) => <div key={p}><code>{p}</code></div>) : t('try.no_principles')],
      ]} /></div>
      <h3>{t('try.scores')}</h3>
      {[[t('try.risk_score'), verdict.risk?.score] as const, ...(verdict.risk?.topics ?? []).map((r) => [`${r.id} ${named('risks', r.id)}`, r.score] as const), [t('try.attack_score'), verdict.attack?.score] as const, ...(verdict.attack?.classes ?? []).map((r) => [`${r.id} ${named('attacks', r.id)}`, r.score] as const)]
        .flatMap(([name, value]) => (value === undefined ? [] : [<Meter key={name} name={name} label={name} value={value} shown={score(value)} tone={value >= 0.5 ? 'bad' : value >= 0.25 ? 'warn' : 'good'} />]))}
      {findings.length > 0 ? <><h3>{t('record.findings')}</h3><ul className="finding-list">{findings.map((f, i) => <li key={i}><code>{f.detector}</code> <span className="quiet">{t('record.bytes', { from: f.start, to: f.end })} · {score(f.score)}{f.via ? ` · ${f.via}` : ''}</span></li>)}</ul></> : null}
      {verdict.hits?.length ? <><h3>{t('record.hits')}</h3><ul className="finding-list">{verdict.hits.map((h, i) => <li key={i}><code>{h.rule}</code> <ActionChip action={h.action} /> {h.monitor ? <Chip>{t('record.monitor')}</Chip> : null}</li>)}</ul></> : null}
      {verdict.unavailable?.length ? <p className="top-gap"><Chip tone="bad">{t('try.unavailable')}</Chip> {verdict.unavailable.map((u) => u.detector).join(', ')}</p> : null}
      {stages.length > 0 ? <><h3>{t('try.timing')}</h3><div className="stages">{stages.map((s, i) => <Meter key={i} name={stageName(t, s.name)} label={s.name} value={s.us} most={slowest} shown={microseconds(s.us)} />)}</div></> : null}
    </Panel>
  )
}

function Chain(props: { proof: Proof; reload: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const { proof } = props
  const prove = async () => {
    setBusy(true)
    try {
      const report = await call('get', '/admin/audit/verify')
      if (report.whole) void message.success(t('record.proved', { rows: count(report.rows, lang) }))
      else void message.error(t('record.broken'))
      props.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  const [tone, key] = proof.whole === true ? (['good', 'record.whole'] as const) : proof.whole === false ? (['bad', 'record.broken'] as const) : (['calm', 'record.unproved'] as const)
  return (
    <Panel title={t('record.chain')} actions={<><Chip tone={tone}>{t(key)}</Chip><Button size="small" loading={busy} onClick={() => void prove()}>{t('record.prove')}</Button></>}>
      <p className="quiet">{t('record.chain_about')}</p>
      <Facts of={[
        [t('field.seq'), `${proof.seq} / ${proof.head_seq}`],
        [t('record.sealed'), <Chip key="s" tone={proof.sealed ? 'good' : 'bad'}>{proof.sealed ? t('yes') : t('no')}</Chip>],
        [t('record.hash'), <code key="h" className="break">{proof.hash}</code>],
        [t('record.previous'), <code key="p" className="break">{proof.previous}</code>],
        [t('record.head'), <code key="d" className="break">{proof.head}</code>],
      ]} />
    </Panel>
  )
}

/** Whose opinion of a decision is heard; the server asks again. */
const HEARD: readonly Role[] = ['owner', 'policy_editor', 'reviewer', 'developer']

function Feedback(props: { id: string; given: readonly Opinion[]; reload: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const { session } = useSession()
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState(false)
  const heard = session?.roles.some((role) => HEARD.includes(role)) ?? false
  const mine = props.given.find((one) => one.by === `person:${session?.name ?? ''}`)
  const give = async (verdict: FeedbackVerdict) => {
    setBusy(true)
    try {
      await request('post', `/admin/records/${encodeURIComponent(props.id)}/feedback`, { body: { verdict, ...(note.trim() === '' ? {} : { note: note.trim() }) } })
      void message.success(t('feedback.kept'))
      setNote('')
      props.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  return (
    <Panel title={t('feedback.title')}>
      {heard ? <p className="quiet">{t('feedback.about')}</p> : null}
      {props.given.length > 0 ? (
        <ul className="finding-list">{props.given.map((one, i) => (
          <li key={i}><Chip tone={one.verdict === 'right' ? 'good' : 'warn'}>{t(`feedback.${one.verdict}`)}</Chip> <span className="quiet">{who(one.by)} · {moment(one.at_us, lang)}</span>{one.note ? <Foreign text={one.note} className="small" /> : null}</li>
        ))}</ul>
      ) : null}
      {heard ? <>
      <div className="field gap"><label htmlFor="note">{t('feedback.note')}</label><Input.TextArea id="note" value={note} onChange={(e) => setNote(e.target.value)} rows={2} maxLength={2000} /></div>
      <div className="row">{(['right', 'false_positive', 'missed'] as const).map((v) => <Button key={v} disabled={busy} type={mine?.verdict === v ? 'primary' : 'default'} aria-pressed={mine?.verdict === v} onClick={() => void give(v)}>{t(`feedback.${v}`)}</Button>)}</div>
      </> : props.given.length === 0 ? <p className="quiet">{t('feedback.none')}</p> : null}
    </Panel>
  )
}
