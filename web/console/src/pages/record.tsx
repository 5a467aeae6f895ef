import { App, Button, Input } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { request } from '../api/client'
import type { Conversation, FeedbackVerdict, FullRecord, Proof, RecordVerdict } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { microseconds, milliseconds, moment, score } from '../lib/format'
import { useNames } from '../session'
import { ActionChip, Chip, Facts, Foreign, Highlighted, Meter, Nothing, OutcomeChip, Page, Panel, sentence, Shown } from '../ui/kit'

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
            <div className="grid two"><Chain proof={data.proof} /><Feedback id={id} /></div>
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
  const timings = Object.entries(record.timings ?? {}).flatMap(([name, us]) => (typeof us === 'number' ? [[name, us] as const] : []))
  return (
    <>
      <Panel title={record.kind === 'admin' ? t('record.admin') : t('record.decision')} actions={<><ActionChip action={record.action} /><OutcomeChip outcome={record.outcome} /></>}>
        <Facts of={[
          [t('field.at'), moment(record.at, lang)], [t('field.rule'), record.rule ? <code key="r">{record.rule}</code> : '–'],
          [t('field.tenant'), record.tenant], [t('field.app'), record.app], [t('field.user'), record.user], [t('field.api'), record.api],
          [t('field.model'), record.model], [t('field.status'), record.status], [t('field.took'), milliseconds(record.total_ms)], [t('field.seq'), record.seq],
          [t('record.packs'), Object.entries(record.packs ?? {}).map(([name, version]) => `${name} ${version}`).join(', ') || '–'],
          ...(record.error ? [[t('record.error'), record.error] as const] : []),
        ]} />
      </Panel>
      {verdict.input ? <Side name={t('overview.input')} verdict={verdict.input} text={record.text?.input} /> : null}
      {verdict.tool ? <Side name={t('record.tool')} verdict={verdict.tool} text={undefined} /> : null}
      {verdict.output ? <Side name={t('overview.output')} verdict={verdict.output} text={record.text?.output} /> : null}
      {!verdict.input && !verdict.output && record.text ? <Panel title={t('record.text')}><Foreign text={record.text.input} label={t('overview.input')} /><h3>{t('overview.output')}</h3><Foreign text={record.text.output} label={t('overview.output')} /></Panel> : null}
      {verdict.label ? <Panel title={t('record.label')}><Foreign text={JSON.stringify(verdict.label, null, 2)} className="mono" label={t('record.label')} /></Panel> : null}
      {timings.length > 0 ? (
        <Panel title={t('try.timing')}>{timings.map(([name, us]) => <Meter key={name} name={word(t, 'timing', name)} label={name} value={us} most={Math.max(1, ...timings.map(([, n]) => n))} shown={microseconds(us)} />)}</Panel>
      ) : null}
    </>
  )
}

function Side(props: { name: string; verdict: RecordVerdict; text: string | undefined }) {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const { verdict, text } = props
  const findings = verdict.findings ?? []
  const single = findings.every((f) => (f.segment ?? 0) === 0)
  return (
    <Panel title={props.name} actions={<ActionChip action={verdict.action} />}>
      {text === undefined || text === null ? <p className="quiet">{t('record.no_text')}</p> : text === '' ? <p className="quiet">{t('record.empty_text')}</p> : <Highlighted text={text} findings={single ? findings : []} label={props.name} />}
      <div className="top-gap"><Facts of={[
        [t('field.level'), verdict.risk?.level ? `${named('levels', verdict.risk.level.id)} ${score(verdict.risk.level.score)}` : t('try.not_judged')],
        [t('field.intent'), verdict.intent ? `${named('intents', verdict.intent.id)} ${score(verdict.intent.score)}` : t('try.not_judged')],
        [t('field.topic'), verdict.topic ? `${named('topics', verdict.topic.id)} ${score(verdict.topic.score)}` : t('try.not_judged')],
        [t('try.principles'), verdict.principles?.length ? verdict.principles.map((p) => <div key={p}><code>{p}</code></div>) : t('try.no_principles')],
      ]} /></div>
      <h3>{t('try.scores')}</h3>
      {[[t('try.risk_score'), verdict.risk?.score] as const, ...(verdict.risk?.topics ?? []).map((r) => [`${r.id} ${named('risks', r.id)}`, r.score] as const), [t('try.attack_score'), verdict.attack?.score] as const, ...(verdict.attack?.classes ?? []).map((r) => [`${r.id} ${named('attacks', r.id)}`, r.score] as const)]
        .flatMap(([name, value]) => (value === undefined ? [] : [<Meter key={name} name={name} label={name} value={value} shown={score(value)} tone={value >= 0.5 ? 'bad' : value >= 0.25 ? 'warn' : 'good'} />]))}
      {findings.length > 0 ? <><h3>{t('record.findings')}</h3><ul className="finding-list">{findings.map((f, i) => <li key={i}><code>{f.detector}</code> <span className="quiet">{t('record.bytes', { from: f.start, to: f.end })} · {score(f.score)}{f.via ? ` · ${f.via}` : ''}</span></li>)}</ul></> : null}
      {verdict.hits?.length ? <><h3>{t('record.hits')}</h3><ul className="finding-list">{verdict.hits.map((h, i) => <li key={i}><code>{h.rule}</code> <ActionChip action={h.action} /> {h.monitor ? <Chip>{t('record.monitor')}</Chip> : null}</li>)}</ul></> : null}
      {verdict.unavailable?.length ? <p className="top-gap"><Chip tone="bad">{t('try.unavailable')}</Chip> {verdict.unavailable.map((u) => u.detector).join(', ')}</p> : null}
    </Panel>
  )
}

function Chain(props: { proof: Proof }) {
  const { t } = useLanguage()
  const { proof } = props
  const [tone, key] = proof.whole === true ? (['good', 'record.whole'] as const) : proof.whole === false ? (['bad', 'record.broken'] as const) : (['calm', 'record.unproved'] as const)
  return (
    <Panel title={t('record.chain')} actions={<Chip tone={tone}>{t(key)}</Chip>}>
      <p className="quiet">{t('record.chain_about')}</p>
      <Facts of={[
        [t('field.seq'), `${proof.seq} / ${proof.head_seq}`],
        [t('record.sealed'), proof.sealed ? t('yes') : t('no')],
        [t('record.hash'), <code key="h" className="break">{proof.hash}</code>],
        [t('record.previous'), <code key="p" className="break">{proof.previous}</code>],
      ]} />
    </Panel>
  )
}

function Feedback(props: { id: string }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState(false)
  const [given, setGiven] = useState<FeedbackVerdict | null>(null)
  const give = async (verdict: FeedbackVerdict) => {
    setBusy(true)
    try {
      await request('post', `/admin/records/${encodeURIComponent(props.id)}/feedback`, { body: { verdict, note } })
      setGiven(verdict)
      void message.success(t('feedback.kept'))
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  return (
    <Panel title={t('feedback.title')}>
      <p className="quiet">{t('feedback.about')}</p>
      <div className="field gap"><label htmlFor="note">{t('feedback.note')}</label><Input.TextArea id="note" value={note} onChange={(e) => setNote(e.target.value)} rows={2} maxLength={2000} /></div>
      <div className="row">{(['right', 'false_positive', 'missed'] as const).map((v) => <Button key={v} disabled={busy} type={given === v ? 'primary' : 'default'} aria-pressed={given === v} onClick={() => void give(v)}>{t(`feedback.${v}`)}</Button>)}</div>
    </Panel>
  )
}
