import { App, Button, Drawer, Progress } from 'antd'
import { useState } from 'react'
import { Link, useParams } from 'react-router-dom'
import { request } from '../api/client'
import type { Attempt, CampaignPage, Group } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, excerpt, milliseconds, moment, percent, score } from '../lib/format'
import { Chip, DataTable, Facts, Meter, Nothing, Page, Panel, sentence, Shown, Tile, type Tone } from '../ui/kit'
import { STATE_TONES } from './redteam'
import { Transcript } from './transcript'

const OUTCOME_TONES: Record<string, Tone> = { success: 'bad', resisted: 'good', unscored: 'warn', failed: 'calm' }
const scored = (g: { attempts: number; unscored: number; failed: number }) => Math.max(0, g.attempts - g.unscored - g.failed)

export default function Campaign() {
  const { t, lang } = useLanguage()
  const { id = '' } = useParams()
  const { message } = App.useApp()
  const path = `/admin/redteam/campaigns/${encodeURIComponent(id)}`
  const loaded = useLoaded((signal) => request<CampaignPage>('get', path, { signal }), [id], 10_000)
  const act = async (what: 'stop' | 'resume') => {
    try {
      await request('post', `${path}/${what}`)
      loaded.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
  }
  const data = loaded.data
  return (
    <Page title={data?.name ?? t('nav.redteam')} about={data?.report.need ?? ''} actions={<>
      <Link to="/redteam">{t('redteam.back')}</Link>
      {data?.running_here ? <Button onClick={() => void act('stop')}>{t('do.stop')}</Button> : data && data.state !== 'complete' ? <Button onClick={() => void act('resume')}>{t('do.resume')}</Button> : null}
      <Button type="primary" href={`${path}/report.html?lang=${lang}`} target="_blank" rel="noopener noreferrer">{t('redteam.report')}</Button>
    </>}>
      <Shown of={loaded}>
        {(page) => {
          const total = page.report.total
          const planned = page.report.planned ?? total.attempts
          return (
            <>
              <Panel>
                <div className="row gap"><Chip tone={STATE_TONES[page.state] ?? 'calm'}>{word(t, 'run_state', page.state)}</Chip><span className="quiet break">{page.report.target} · {moment(page.report.created_us, lang)}</span></div>
                <Progress percent={Math.round((100 * total.attempts) / Math.max(1, planned))} showInfo={false} aria-label={t('redteam.done')} />
                <p className="quiet">{t('redteam.progress', { done: count(total.attempts, lang), of: count(planned, lang) })}</p>
              </Panel>
              <div className="tiles">
                <Tile name={t('redteam.rate')} value={percent(total.successes / Math.max(1, scored(total)))} note={t('redteam.rate_note', { hits: total.successes, of: scored(total) })} />
                <Tile name={word(t, 'attempt', 'resisted')} value={count(total.resisted, lang)} note={t('redteam.stopped', { stopped: total.stopped })} />
                <Tile name={word(t, 'attempt', 'unscored')} value={count(total.unscored, lang)} note={t('redteam.unscored_note')} />
                <Tile name={word(t, 'attempt', 'failed')} value={count(total.failed, lang)} />
                <Tile name={t('redteam.requests')} value={count(page.report.spend.requests, lang)} note={milliseconds(page.report.spend.took_ms)} />
              </div>
              <div className="grid two">
                <Panel title={t('redteam.by_technique')}><Rates of={page.report.techniques} /></Panel>
                <Panel title={t('redteam.by_risk')}><Rates of={page.report.risks} /></Panel>
              </div>
            </>
          )
        }}
      </Shown>
      <Attempts path={path} id={id} />
    </Page>
  )
}

function Rates(props: { of: readonly Group[] }) {
  const { t, lang } = useLanguage()
  if (props.of.length === 0) return <Nothing title={t('redteam.no_attempts')} />
  return <>{props.of.map((g) => { const of = scored(g.tally); return <Meter key={g.id} name={g.id === g[lang] ? g.id : `${g.id} ${g[lang]}`} label={g[lang]} value={g.tally.successes / Math.max(1, of)} shown={`${g.tally.successes}/${of}`} tone="bad" /> })}</>
}

function Attempts(props: { path: string; id: string }) {
  const { t, lang } = useLanguage()
  const [outcome, setOutcome] = useState('')
  const [technique, setTechnique] = useState('')
  const [most, setMost] = useState(50)
  const [open, setOpen] = useState<Attempt | null>(null)
  const loaded = useLoaded((signal) => request<{ attempts: Attempt[] }>('get', `${props.path}/attempts`, { signal }), [props.id])
  return (
    <Panel title={t('redteam.attempts')} actions={<Button onClick={loaded.reload}>{t('do.refresh')}</Button>}>
      <Shown of={loaded}>
        {(data) => {
          const techniques = [...new Set(data.attempts.map((a) => a.technique))].sort()
          const shown = data.attempts.filter((a) => (!outcome || a.outcome === outcome) && (!technique || a.technique === technique))
          return (
            <>
              <div className="filters gap">
                <div className="field"><label htmlFor="a-outcome">{t('field.outcome')}</label><select id="a-outcome" className="native" value={outcome} onChange={(e) => setOutcome(e.target.value)}><option value="">{t('filter.any')}</option>{['success', 'resisted', 'unscored', 'failed'].map((o) => <option key={o} value={o}>{word(t, 'attempt', o)}</option>)}</select></div>
                <div className="field"><label htmlFor="a-technique">{t('redteam.technique')}</label><select id="a-technique" className="native" value={technique} onChange={(e) => setTechnique(e.target.value)}><option value="">{t('filter.any')}</option>{techniques.map((o) => <option key={o}>{o}</option>)}</select></div>
              </div>
              <DataTable label={t('redteam.attempts')} rows={shown.slice(0, most)} id={(a) => a.key} empty={<Nothing title={t('redteam.no_attempts')} />} columns={[
                { key: 'outcome', title: t('field.outcome'), show: (a) => <Chip tone={OUTCOME_TONES[a.outcome] ?? 'calm'}>{word(t, 'attempt', a.outcome)}</Chip> },
                { key: 'goal', title: t('redteam.goal'), wide: true, show: (a) => <button type="button" className="as-link" onClick={() => setOpen(a)}>{excerpt(a.goal, 90)}</button> },
                { key: 'technique', title: t('redteam.technique'), show: (a) => <code className="break">{a.technique}</code> },
                { key: 'risk', title: t('field.risk'), show: (a) => a.risk ?? a.owasp?.join(', ') ?? '–' },
                { key: 'harm', title: t('redteam.harm'), show: (a) => a.harm },
                { key: 'turns', title: t('redteam.turns'), end: true, show: (a) => a.transcript.filter((x) => x.speaker === 'user').length },
              ]} />
              {shown.length > most ? <Button className="top-gap" onClick={() => setMost((n) => n + 50)}>{t('redteam.more', { left: shown.length - most })}</Button> : null}
            </>
          )
        }}
      </Shown>
      <Drawer open={open !== null} onClose={() => setOpen(null)} width={Math.min(720, window.innerWidth)} title={t('redteam.transcript')} closable={{ 'aria-label': t('do.close') }}>
        {open ? (
          <div className="stack">
            <Facts of={[
              [t('field.outcome'), <Chip key="o" tone={OUTCOME_TONES[open.outcome] ?? 'calm'}>{word(t, 'attempt', open.outcome)}</Chip>], [t('redteam.technique'), <code key="t">{open.technique}</code>],
              [t('redteam.goal'), open.goal], [t('redteam.attack'), open.attacks.join(', ') || '–'], [t('field.took'), milliseconds(open.took_ms)], [t('field.at'), moment(open.at_us, lang)],
              ...(open.stopped ? [[t('redteam.stopped_by'), open.stopped] as const] : []), ...(open.problem ? [[t('record.error'), open.problem] as const] : []),
            ]} />
            <Transcript turns={open.transcript} />
            {open.scores.length > 0 ? <div><h3>{t('redteam.judges')}</h3><ul className="finding-list">{open.scores.map((s, i) => <li key={i}><code>{s.judge}</code> <Chip tone={s.success === null ? 'calm' : s.success ? 'bad' : 'good'}>{s.success === null ? t('redteam.no_say') : s.success ? word(t, 'attempt', 'success') : word(t, 'attempt', 'resisted')}</Chip> {score(s.value)} <span className="quiet">{s.reason}</span></li>)}</ul></div> : null}
          </div>
        ) : null}
      </Drawer>
    </Panel>
  )
}
