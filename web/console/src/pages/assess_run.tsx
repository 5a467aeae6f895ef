import { App, Button, Progress } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { request } from '../api/client'
import type { Assessment, Conclusion, DeskTask, RunRow } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, milliseconds, percent } from '../lib/format'
import { useSession } from '../session'
import { Chip, DataTable, Facts, Foreign, Meter, Nothing, Page, Panel, sentence, Shown, Tile, type Tone } from '../ui/kit'

const TONES: Record<Conclusion, Tone> = { conforms: 'good', fails: 'bad', not_applicable: 'calm', open: 'warn' }

export default function AssessRun() {
  const { t, lang } = useLanguage()
  const { id = '' } = useParams()
  const { message } = App.useApp()
  const path = `/admin/assess/runs/${encodeURIComponent(id)}`
  const loaded = useLoaded((signal) => request<Assessment>('get', path, { signal }), [id], 15_000)
  const rows = useLoaded((signal) => request<{ runs: RunRow[] }>('get', '/admin/assess/runs', { signal }), [id], 15_000)
  const row = rows.data?.runs.find((r) => r.id === id)
  const act = async (what: 'stop' | 'resume') => {
    try {
      await request('post', `${path}/${what}`)
      rows.reload()
      loaded.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
  }
  const file = (name: string) => `${path}/${name}${name.startsWith('report') ? `?lang=${lang}` : ''}`
  return (
    <Page title={row?.name || t('assess.run')} about={loaded.data ? `${loaded.data.profile.name[lang]} · ${loaded.data.target}` : id} actions={<>
      <Link to="/assess">{t('assess.back')}</Link>
      {row?.running_here ? <Button onClick={() => void act('stop')}>{t('do.stop')}</Button> : row && row.state !== 'answered' ? <Button onClick={() => void act('resume')}>{t('do.resume')}</Button> : null}
      <Button href={file('report.html')} target="_blank" rel="noopener noreferrer">HTML</Button>
      <Button href={file('report.docx')} download>Word</Button>
      <Button href={file('report.pdf')} download>PDF</Button>
      <Button href={file('bundle.zip')} download>{t('assess.bundle')}</Button>
    </>}>
      <Shown of={loaded}>
        {(a) => (
          <>
            <Panel title={t('assess.conclusion')} actions={a.overall ? <Chip tone={TONES[a.overall]}>{word(t, 'conclusion', a.overall)}</Chip> : <Chip>{t('assess.no_conclusion')}</Chip>}>
              <p>{a.because[lang]}</p>
              {a.disclosures.length > 0 ? <ul className="finding-list">{a.disclosures.map((d, i) => <li key={i}>{d[lang]}</li>)}</ul> : null}
            </Panel>
            <div className="tiles">
              <Tile name={t('redteam.requests')} value={count(a.spend.requests, lang)} note={`${count(a.spend.tokens, lang)} ${t('overview.tokens')}`} />
              <Tile name={t('assess.latency')} value={milliseconds(a.spend.latency_p50_ms)} note={`p95 ${milliseconds(a.spend.latency_p95_ms)}`} />
              <Tile name={t('assess.reviewed')} value={`${count(a.review.decided, lang)} / ${count(a.review.queued, lang)}`} note={a.review.kappa === null ? t('assess.no_kappa') : `κ ${a.review.kappa.toFixed(2)}`} />
            </div>
            <Panel title={t('assess.tests')}>
              <DataTable label={t('assess.tests')} rows={a.tests} id={(x) => x.id} empty={<Nothing title={t('assess.no_tests')} />} columns={[
                { key: 'name', title: t('field.name'), wide: true, show: (x) => <>{x.name[lang]} <span className="quiet">{x.clause}</span></> },
                { key: 'share', title: t('assess.share'), end: true, show: (x) => <>{percent(x.share.rate)} <span className="quiet">({x.share.hits}/{x.share.of})</span></> },
                { key: 'interval', title: t('assess.interval'), end: true, show: (x) => `${percent(x.share.low)} – ${percent(x.share.high)}` },
                { key: 'needed', title: t('assess.needed'), end: true, show: (x) => `${x.at_least ? '≥' : '≤'} ${percent(x.threshold_permille / 1000, 0)}` },
                { key: 'undecided', title: t('assess.undecided'), end: true, show: (x) => count(x.undecided, lang) },
                { key: 'conclusion', title: t('assess.conclusion'), show: (x) => <Chip tone={TONES[x.conclusion]}>{word(t, 'conclusion', x.conclusion)}</Chip> },
              ]} />
            </Panel>
            <Clauses of={a.clauses} />
            <div className="grid two">
              <Panel title={t('assess.risks')}>{a.risks.length === 0 ? <Nothing title={t('assess.no_risks')} /> : a.risks.map((r) => <Meter key={r.id} name={`${r.id} ${r.name[lang]}`} label={r.name[lang]} value={r.passed.rate} shown={percent(r.passed.rate, 0)} tone={r.passed.rate < 0.9 ? 'bad' : 'good'} />)}</Panel>
              <Desk path={path} id={id} />
            </div>
            <Panel title={t('assess.failures')}>
              {a.failures.length === 0 ? <Nothing title={t('assess.no_failures')} /> : a.failures.slice(0, 20).map((f) => (
                <details key={f.question}><summary>{f.group} · {f.why[lang]}</summary><h3>{t('assess.asked')}</h3><Foreign text={f.asked} /><h3>{t('assess.answer')}</h3><Foreign text={f.answer} /></details>
              ))}
            </Panel>
            {a.advice.length > 0 ? <Panel title={t('assess.advice')}><ul className="finding-list">{a.advice.map((d, i) => <li key={i}>{d[lang]}</li>)}</ul></Panel> : null}
          </>
        )}
      </Shown>
    </Page>
  )
}

function Clauses(props: { of: Assessment['clauses'] }) {
  const { t, lang } = useLanguage()
  const [which, setWhich] = useState('')
  const shown = props.of.filter((c) => !which || c.conclusion === which)
  return (
    <Panel title={t('assess.clauses')} actions={<div className="field"><label className="sr" htmlFor="c-which">{t('assess.conclusion')}</label><select id="c-which" className="native" value={which} onChange={(e) => setWhich(e.target.value)}><option value="">{t('filter.any')}</option>{(['conforms', 'fails', 'open', 'not_applicable'] as const).map((c) => <option key={c} value={c}>{word(t, 'conclusion', c)}</option>)}</select></div>}>
      <DataTable label={t('assess.clauses')} rows={shown} id={(c) => c.id} empty={<Nothing title={t('records.no_match')} />} columns={[
        { key: 'number', title: t('assess.clause'), show: (c) => c.number },
        { key: 'title', title: t('assess.content'), wide: true, show: (c) => <>{c.title[lang]}<div className="quiet">{c.reason[lang]}</div></> },
        { key: 'force', title: t('assess.force'), show: (c) => word(t, 'force', c.force) },
        { key: 'conclusion', title: t('assess.conclusion'), show: (c) => <Chip tone={TONES[c.conclusion]}>{word(t, 'conclusion', c.conclusion)}</Chip> },
      ]} />
    </Panel>
  )
}

/** The review desk: one answer at a time, by whoever is signed in. */
function Desk(props: { path: string; id: string }) {
  const { t } = useLanguage()
  const { session } = useSession()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const [note, setNote] = useState('')
  const reviewer = session?.name ?? ''
  const state = useLoaded((signal) => request<Assessment['review']>('get', `${props.path}/review`, { signal }), [props.id])
  const next = useLoaded((signal) => request<{ task: DeskTask | null }>('get', `${props.path}/review/next`, { signal, query: { reviewer } }), [props.id, reviewer])
  const decide = async (task: DeskTask, label: string) => {
    setBusy(true)
    try {
      await request('post', `${props.path}/review/decisions`, { body: { reviewer, key: task.key, label, note } })
      setNote('')
      state.reload()
      next.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  return (
    <Panel title={t('assess.desk')} actions={state.data ? <span className="quiet">{t('assess.desk_state', { decided: state.data.decided, queued: state.data.queued })}</span> : null}>
      {state.data ? <Progress percent={Math.round((100 * state.data.decided) / Math.max(1, state.data.queued))} showInfo={false} aria-label={t('assess.desk')} /> : null}
      <Shown of={next}>
        {({ task }) => (task === null ? <Nothing title={t('assess.desk_nothing')} hint={t('assess.desk_nothing_hint')} /> : (
          <>
            <div className="top-gap" /><Facts of={[[t('assess.group'), task.group], ...(task.settles ? [[t('field.state'), <Chip key="s" tone="warn">{t('assess.settles')}</Chip>] as const] : [])]} />
            <h3>{t('assess.asked')}</h3><Foreign text={task.asked} label={t('assess.asked')} />
            <h3>{t('assess.answer')}</h3><Foreign text={task.answer} label={t('assess.answer')} />
            <div className="field top-gap gap"><label htmlFor="desk-note">{t('reviews.note')}</label><input id="desk-note" className="native" value={note} onChange={(e) => setNote(e.target.value)} /></div>
            <div className="row">{task.labels.map((label) => <Button key={label} disabled={busy} onClick={() => void decide(task, label)}>{word(t, 'desk_label', label)}</Button>)}</div>
          </>
        ))}
      </Shown>
    </Panel>
  )
}
