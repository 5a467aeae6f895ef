import { App, Button, Input, Radio, Segmented } from 'antd'
import { useRef, useState } from 'react'
import { Link, useSearchParams } from 'react-router-dom'
import { ApiError, call, chatPieces, request, send } from '../api/client'
import type { Choices, Report, Scored, Taxonomy } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { microseconds, score } from '../lib/format'
import { useNames, useSession } from '../session'
import { ActionChip, Chip, Copyable, DataTable, Facts, Foreign, Highlighted, Meter, Nothing, OutcomeChip, Page, Panel, Problem, sentence, stageName, type Tone } from '../ui/kit'
import { EXAMPLES } from './examples'

const KIND_TONES: Record<string, Tone> = { harmless: 'good', near_miss: 'info', personal: 'warn', attack: 'bad' }

export default function TryIt() {
  const { t, lang } = useLanguage()
  const { setup } = useSession()
  const [search] = useSearchParams()
  const [text, setText] = useState('')
  const [scene, setScene] = useState('')
  const [app, setApp] = useState(search.get('app') ?? '')
  const [side, setSide] = useState<'input' | 'output'>('input')
  const [asked, setAsked] = useState('')
  const [report, setReport] = useState<Report | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const running = useRef<AbortController | null>(null)
  const choices = useLoaded((signal) => call('get', '/console/api/choices', { signal }), []).data

  const check = async () => {
    running.current?.abort()
    const mine = new AbortController()
    running.current = mine
    setBusy(true)
    setError(null)
    try {
      const said = await call('post', '/v1/guard', { body: { text, side }, headers: about(scene, app), signal: mine.signal })
      setReport(said)
      setAsked(text)
    } catch (e) {
      if (!mine.signal.aborted) { setError(e); setReport(null) }
    }
    if (!mine.signal.aborted) setBusy(false)
  }

  return (
    <Page title={t('try.title')} about={t('try.about')}>
      {setup?.needed ? <p><Chip tone="warn">{t('setup.todo')}</Chip> <Link to="/setup">{t('try.setup')}</Link></p> : null}
      <div className="grid side-by-side">
        <Panel title={t('try.prompt')}>
          <form onSubmit={(e) => { e.preventDefault(); void check() }} className="stack">
            <Input.TextArea value={text} onChange={(e) => setText(e.target.value)} aria-label={t('try.prompt')} placeholder={t('try.placeholder')} rows={5} maxLength={100_000} onKeyDown={(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && text.trim() !== '') void check() }} />
            <div className="filters">
              <div className="field"><label htmlFor="try-scene">{t('try.scene')}</label>
                <select id="try-scene" className="native" value={scene} onChange={(e) => setScene(e.target.value)}><option value="">{t('try.scene_none')}</option>{(choices?.scenes ?? []).map((one) => <option key={one.id} value={one.id}>{one[lang]}</option>)}</select>
              </div>
              <div className="field"><label htmlFor="try-app">{t('try.app')}</label><Input id="try-app" list="try-apps" value={app} onChange={(e) => setApp(e.target.value)} placeholder="default" /><datalist id="try-apps">{(choices?.apps ?? []).map((one) => <option key={one.id} value={one.id} />)}</datalist></div>
              <div className="field"><span className="field-name" id="try-side">{t('try.side')}</span>
                <Radio.Group aria-labelledby="try-side" value={side} onChange={(e) => setSide(e.target.value as 'input' | 'output')} options={[{ value: 'input', label: t('try.side_input') }, { value: 'output', label: t('try.side_output') }]} />
              </div>
            </div>
            <div className="row">
              <Button type="primary" htmlType="submit" loading={busy} disabled={text.trim() === ''}>{t('try.check')}</Button>
              <span className="quiet"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
            </div>
          </form>
          <h3 id="examples">{t('try.examples')}</h3>
          <ul className="examples" aria-labelledby="examples">
            {EXAMPLES.map((example) => (
              <li key={example.name}><button type="button" className={`chip chip-button chip-${KIND_TONES[example.kind]}`} title={word(t, 'kind', example.kind)} onClick={() => { setText(example[lang]); setSide('input') }}>{t(example.name)}</button></li>
            ))}
          </ul>
          <p className="legend examples-legend">{(['harmless', 'near_miss', 'personal', 'attack'] as const).map((kind) => <span key={kind} className={kind === 'attack' ? 'l-kind-attack' : `l-${kind}`}>{word(t, 'kind', kind)}</span>)}</p>
        </Panel>
        <Panel title={t('try.decision')}>
          <Problem error={error} />
          {report ? <Decision report={report} /> : error ? null : <Nothing title={t('try.nothing')} hint={t('try.nothing_hint')} />}
        </Panel>
      </div>
      {report ? <Found report={report} text={asked} /> : null}
      {report && choices ? <Policies key={`${asked} ${side} ${app}`} text={asked} side={side} app={app} choices={choices} pick={setScene} /> : null}
      <Compare prompt={text} scene={scene} app={app} choices={choices} />
    </Page>
  )
}

function about(scene: string, app: string): Record<string, string> {
  // Header values are ASCII; ids of scenes and applications are.
  const clean = (id: string) => id.trim().replace(/[^\x21-\x7e]/g, '')
  return { ...(scene ? { 'x-menshen-scene': clean(scene) } : {}), ...(clean(app) ? { 'x-menshen-app': clean(app) } : {}) }
}

function Decision(props: { report: Report }) {
  const { t } = useLanguage()
  const { report } = props
  return (
    <div className="stack">
      <div className="row decision"><ActionChip action={report.disposition} /><OutcomeChip outcome={report.outcome} /><span className="quiet">{t('try.took', { time: microseconds(report.took_us) })}</span></div>
      <p className="quiet">{word(t, 'action_about', report.disposition)}</p>
      <Facts of={[
        [t('field.rule'), report.rule ? <code key="r">{report.rule}</code> : t('try.no_rule')],
        [t('try.principles'), report.principles?.length ? report.principles.map((p) => <div key={p}><code>{p}</code></div>) : t('try.no_principles')],
        [t('try.monitored'), report.monitored?.length ? report.monitored.map((p) => <div key={p}><code>{p}</code></div>) : '–'],
      ]} />
      {report.answer ? <Facts of={[[t('try.standard_answer'), <code key="a">{report.answer}</code>]]} /> : null}
      {report.reply ? <div><h3>{t('try.reply')}</h3><Foreign text={report.reply} /></div> : null}
      {report.unavailable?.length ? <p><Chip tone="bad">{t('try.unavailable')}</Chip> {report.unavailable.map((one) => String((one as { detector?: unknown }).detector ?? '')).join(', ')}</p> : null}
    </div>
  )
}

function Found(props: { report: Report; text: string }) {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const { report, text } = props
  const findings = report.findings ?? []
  const stages = report.stages ?? []
  const slowest = Math.max(1, ...stages.map((s) => s.us ?? 0))
  const label = (family: keyof Taxonomy | null, one: Scored | undefined) => (one ? `${family ? named(family, one.id) : word(t, 'sentiment', one.id)} ${score(one.score)}` : t('try.not_judged'))
  const tone = (value: number): Tone => (value >= 0.5 ? 'bad' : value >= 0.25 ? 'warn' : 'good')
  const scores: (readonly [string, number])[] = [
    ...(report.risk?.score !== undefined ? [[t('try.risk_score'), report.risk.score] as const] : []),
    ...(report.risk?.topics ?? []).map((r) => [`${r.id} ${named('risks', r.id)}`, r.score] as const),
    ...(report.attack?.score !== undefined ? [[t('try.attack_score'), report.attack.score] as const] : []),
    ...(report.attack?.classes ?? []).map((r) => [`${r.id} ${named('attacks', r.id)}`, r.score] as const),
    ...(report.unsafe_answer !== undefined ? [[t('try.unsafe_answer'), report.unsafe_answer] as const] : []),
    ...(report.refusal !== undefined ? [[t('try.refusal'), report.refusal] as const] : []),
  ]
  return (
    <>
      <div className="grid two">
        <Panel title={t('try.found')}>
          <Highlighted text={text} findings={findings} label={t('try.found_text')} />
          <div className="legend"><span className="l-pii">{t('try.legend_pii')}</span><span className="l-attack">{t('try.legend_attack')}</span><span className="l-word">{t('try.legend_word')}</span></div>
          {findings.length > 0 ? (
            <ul className="finding-list">{findings.map((f, i) => <li key={i}><code>{f.detector}</code> <span className="quiet">{t('try.at', { from: f.char_start, to: f.char_end })} · {score(f.score)}</span></li>)}</ul>
          ) : <p className="quiet top-gap">{t('try.no_findings')}</p>}
        </Panel>
        <Panel title={t('try.labels')}>
          <Facts of={[
            [t('field.level'), label('levels', report.risk?.level)],
            [t('field.intent'), label('intents', report.intent)],
            [t('field.topic'), label('topics', report.topic)],
            [t('field.sentiment'), label(null, report.sentiment)],
          ]} />
          <h3>{t('try.scores')}</h3>
          {scores.map(([name, value]) => <Meter key={name} name={name} label={name} value={value} shown={score(value)} tone={tone(value)} />)}
        </Panel>
      </div>
      <Panel title={t('try.timing')} actions={<span className="quiet">{t('try.took', { time: microseconds(report.took_us) })}</span>}>
        <div className="stages">{stages.map((s, i) => <Meter key={i} name={stageName(t, s.name)} label={s.name ?? ''} value={s.us ?? 0} most={slowest} shown={microseconds(s.us)} />)}</div>
      </Panel>
    </>
  )
}

/** The same text under every scene there is: what the operator would choose between. */
function Policies(props: { text: string; side: 'input' | 'output'; app: string; choices: Choices; pick: (scene: string) => void }) {
  const { t, lang } = useLanguage()
  const [rows, setRows] = useState<{ id: string; name: string; report: Report }[]>([])
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const all = async () => {
    setBusy(true)
    setError(null)
    try {
      const found: typeof rows = []
      for (const scene of props.choices.scenes) {
        found.push({ id: scene.id, name: scene[lang], report: await call('post', '/v1/guard', { body: { text: props.text, side: props.side }, headers: about(scene.id, props.app) }) })
        setRows([...found])
      }
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  return (
    <Panel title={t('try.policies')} actions={<Button loading={busy} onClick={() => void all()}>{t('try.policies_do')}</Button>}>
      <p className="quiet">{t('try.policies_about')}</p>
      <Problem error={error} />
      <DataTable label={t('try.policies')} rows={rows} id={(r) => r.id} empty={null} columns={[
        { key: 'scene', title: t('try.scene'), show: (r) => r.name },
        { key: 'action', title: t('field.action'), show: (r) => <ActionChip action={r.report.disposition} /> },
        { key: 'rule', title: t('field.rule'), wide: true, show: (r) => (r.report.rule ? <code>{r.report.rule}</code> : r.report.answer ? <code>{r.report.answer}</code> : t('try.no_rule')) },
        { key: 'principles', title: t('try.principles'), wide: true, show: (r) => (r.report.principles?.length ? r.report.principles.map((p) => <div key={p}><code>{p}</code></div>) : '–') },
        { key: 'do', title: t('field.do'), show: (r) => <Button size="small" onClick={() => props.pick(r.id)}>{t('try.policies_pick')}</Button> },
      ]} />
    </Panel>
  )
}

interface Pane { text: string; state: 'idle' | 'streaming' | 'done' | 'failed'; error?: unknown; action?: string | null; outcome?: string | null; request?: string | null; finish?: string | null }
const IDLE: Pane = { text: '', state: 'idle' }

function Compare(props: { prompt: string; scene: string; app: string; choices: Choices | undefined }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const models = useLoaded((signal) => request<{ data?: { id?: string }[] }>('get', '/v1/models', { signal }), [])
  const [model, setModel] = useState('')
  const [pickedApp, setPlainApp] = useState('')
  const watched = (props.choices?.apps ?? []).filter((a) => a.monitor).map((a) => a.id)
  const plainApp = pickedApp || (watched[0] ?? '')
  const [which, setWhich] = useState<'both' | 'guided' | 'plain'>('both')
  const [plain, setPlain] = useState<Pane>(IDLE)
  const [guided, setGuided] = useState<Pane>(IDLE)
  const stop = useRef<AbortController | null>(null)
  const known = (models.data?.data ?? []).flatMap((m) => (m.id ? [m.id] : []))
  const chosen = model || known[0] || ''
  const streaming = plain.state === 'streaming' || guided.state === 'streaming'

  const ask = async (set: (change: (was: Pane) => Pane) => void, headers: Record<string, string>, signal: AbortSignal) => {
    set(() => ({ text: '', state: 'streaming' }))
    try {
      const response = await send('post', '/v1/chat/completions', { headers, signal, body: { model: chosen, stream: true, messages: [{ role: 'user', content: props.prompt }] } })
      const header = (name: string) => response.headers.get(`x-menshen-${name}`)
      set((was) => ({ ...was, action: header('disposition'), outcome: header('outcome'), request: header('request-id') }))
      for await (const piece of chatPieces(response)) set((was) => ({ ...was, text: was.text + piece.text, finish: piece.finish ?? was.finish ?? null }))
      set((was) => ({ ...was, state: 'done' }))
    } catch (error) {
      if (signal.aborted) set((was) => ({ ...was, state: 'done', finish: 'stopped' }))
      else set((was) => ({ ...was, state: 'failed', error }))
    }
  }
  const begin = () => {
    if (chosen === '') { void message.warning(t('try.model_needed')); return }
    const abort = new AbortController()
    stop.current = abort
    const both = which === 'both'
    if (both || which === 'guided') void ask((f) => setGuided(f), about(props.scene, props.app), abort.signal)
    if (plainApp !== '' && (both || which === 'plain')) void ask((f) => setPlain(f), about(props.scene, plainApp), abort.signal)
  }
  return (
    <Panel title={t('try.compare')}>
      <p className="quiet">{t('try.compare_about')}</p>
      <div className="filters gap">
        <div className="field"><label htmlFor="try-model">{t('field.model')}</label>
          {known.length > 0 ? <select id="try-model" className="native" value={chosen} onChange={(e) => setModel(e.target.value)}>{known.map((id) => <option key={id}>{id}</option>)}</select> : <Input id="try-model" value={model} onChange={(e) => setModel(e.target.value)} />}
        </div>
        <div className="field"><label htmlFor="try-plain">{t('try.plain_app')}</label><select id="try-plain" className="native" value={plainApp} onChange={(e) => setPlainApp(e.target.value)}>{watched.length === 0 ? <option value="">–</option> : watched.map((id) => <option key={id}>{id}</option>)}</select></div>
        <div className="field"><span className="field-name">{t('try.which')}</span><Segmented aria-label={t('try.which')} value={which} onChange={(v) => setWhich(v as 'both' | 'guided' | 'plain')} options={[{ value: 'both', label: t('try.both') }, { value: 'plain', label: t('try.plain') }, { value: 'guided', label: t('try.guided') }]} /></div>
        <div className="row">{streaming ? <Button onClick={() => stop.current?.abort()}>{t('do.stop')}</Button> : <Button type="primary" disabled={props.prompt.trim() === ''} onClick={begin}>{t('try.send')}</Button>}</div>
      </div>
      {models.error ? <p className="quiet">{models.error instanceof ApiError && models.error.code === 'upstream_error' ? t('try.no_list') : sentence(models.error, t)} {models.error instanceof ApiError && models.error.status === 503 ? t('try.no_upstream') : ''}</p> : null}
      {props.choices && watched.length === 0 ? <div className="gap"><p className="quiet">{t('try.no_plain')}</p><Copyable text={'[apps.monitor]\nmonitor = true'} label={t('try.plain_app')} /></div> : null}
      <div className="grid two">
        <Answer title={t('try.plain_title')} pane={plain} plain />
        <Answer title={t('try.guided_title')} pane={guided} />
      </div>
    </Panel>
  )
}

function Answer(props: { title: string; pane: Pane; plain?: boolean }) {
  const { t } = useLanguage()
  const { pane } = props
  return (
    <section aria-label={props.title}>
      <div className="row"><h3>{props.title}</h3>{pane.action ? <ActionChip action={pane.action} /> : null}{pane.outcome ? <OutcomeChip outcome={pane.outcome} /> : null}{pane.state === 'streaming' ? <span className="live quiet">{t('try.streaming')}</span> : null}</div>
      {pane.state === 'idle' ? <div className="foreign quiet">{t('try.no_answer')}</div> : null}
      {pane.state === 'failed' ? <Problem error={pane.error} /> : null}
      {pane.state !== 'idle' && (pane.text !== '' || pane.state !== 'failed') ? <div aria-live="polite" aria-busy={pane.state === 'streaming'}><Foreign text={pane.text} /></div> : null}
      {pane.finish === 'content_filter' ? <p className="quiet top-gap">{t('try.cut')}</p> : null}
      {pane.finish === 'stopped' ? <p className="quiet top-gap">{t('try.stopped')}</p> : null}
      {props.plain && pane.outcome === 'intervened' ? <p className="top-gap"><Chip tone="warn">{t('try.not_plain')}</Chip> <span className="quiet">{t('try.not_plain_hint')}</span></p> : null}
      {pane.request ? <p className="quiet top-gap"><Link to={`/records/${encodeURIComponent(pane.request)}`}>{t('try.record')}</Link></p> : null}
    </section>
  )
}

