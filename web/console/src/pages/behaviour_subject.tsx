import { App, Button } from 'antd'
import { useState } from 'react'
import { Link, useSearchParams } from 'react-router-dom'
import { request } from '../api/client'
import type { Alarm, Rules, SubjectPage } from '../api/behaviour'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, tick } from '../lib/format'
import { PALETTE, TimeChart } from '../ui/chart'
import { Chip, DataTable, Facts, Foreign, Meter, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import type { Mode } from '../ui/theme'
import { Decide, LevelChip, useGrades, Why } from './behaviour_parts'

export default function BehaviourSubject(props: { mode: Mode }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [search] = useSearchParams()
  const [deciding, setDeciding] = useState<Alarm | null>(null)
  const query = { tenant: search.get('tenant') ?? '', app: search.get('app') ?? '', kind: search.get('kind') ?? 'user', subject: search.get('subject') ?? '' }
  const rules = useLoaded((signal) => request<Rules>('get', '/admin/behaviour', { signal }), [])
  const loaded = useLoaded((signal) => request<SubjectPage>('get', '/admin/behaviour/subject', { signal, query }), [query], 15_000)
  const named = useGrades(rules.data)
  const end = async (id: string) => {
    try { await request('delete', `/admin/behaviour/measures/${encodeURIComponent(id)}`); loaded.reload() } catch (e) { void message.error(sentence(e, t)) }
  }
  return (
    <Page title={t('behaviour.subject')} actions={<Link to="/behaviour">{t('behaviour.back')}</Link>}>
      <Shown of={loaded}>
        {(data) => {
          const most = Math.max(0, ...(data.standing?.hours.map((h) => h.score) ?? []))
          const heaviest = Math.max(1, ...(data.standing?.reasons.map((r) => r.points) ?? []))
          return (
            <>
              <Panel title={t('behaviour.standing')} actions={data.measure ? <Button danger onClick={() => void end(data.measure?.id ?? '')}>{t('behaviour.end')}</Button> : undefined}>
                <Foreign text={data.subject} label={t('behaviour.subject')} />
                <Facts of={[
                  [t('behaviour.kind'), word(t, 'kind', data.kind)], [t('field.tenant'), data.tenant], [t('field.app'), data.app],
                  [t('behaviour.now'), data.standing?.score ?? '–'],
                  [t('behaviour.level'), data.measure ? <LevelChip key="m" level={data.measure.level} percent={data.measure.percent} /> : data.suspension ? <Chip key="s" tone="stop">{t('behaviour.suspended_by_limit')}</Chip> : t('behaviour.none')],
                  [t('behaviour.until'), moment(data.measure?.until ?? data.suspension?.until, lang)],
                ]} />
              </Panel>
              <div className="grid two">
                <Panel title={t('behaviour.now')}>
                  {data.standing === null ? <Nothing title={t('behaviour.unknown')} hint={t('behaviour.unknown_hint')} /> : data.standing.reasons.length === 0 ? <Nothing title={t('behaviour.calm')} /> : data.standing.reasons.map((r) => (
                    <Meter key={r.signal} name={<>{lang === 'zh' ? r.zh : r.en}{r.percent < 100 ? <span className="quiet"> ({t('behaviour.damped', { n: r.percent })})</span> : null}</>} label={r.signal} value={r.points} most={heaviest} shown={`+${r.points}`} tone="warn" />
                  ))}
                </Panel>
                <Panel title={t('behaviour.hours')}>
                  {data.standing && most > 0 ? <TimeChart mode={props.mode} kind="bar" stack={false} label={t('behaviour.hours_label', { most })} ticks={data.standing.hours.map((h) => tick(h.at, 'hour', lang))} series={[{ name: t('behaviour.score'), color: PALETTE[props.mode][1] ?? '#888', values: data.standing.hours.map((h) => h.score) }]} /> : <Nothing title={t('behaviour.calm')} />}
                </Panel>
              </div>
              <Panel title={t('behaviour.alarms')}>
                <DataTable label={t('behaviour.alarms')} rows={data.alarms} id={(a) => a.id} empty={<Nothing title={t('behaviour.no_alarms')} />} columns={[
                  { key: 'at', title: t('field.at'), show: (a) => moment(a.at, lang) },
                  { key: 'grade', title: t('behaviour.grade'), show: (a) => <Chip tone="warn">{named(a.grade)}</Chip> },
                  { key: 'score', title: t('behaviour.score'), end: true, show: (a) => a.score },
                  { key: 'why', title: t('behaviour.why'), wide: true, show: (a) => <Why reasons={a.reasons} /> },
                  { key: 'record', title: t('nav.records'), show: (a) => (a.request_id ? <Link to={`/records/${encodeURIComponent(a.request_id)}`}>{t('do.open')}</Link> : '–') },
                  { key: 'do', title: t('behaviour.decision'), show: (a) => (a.decision ? <><Chip tone={a.decision === 'false_alarm' ? 'calm' : 'good'}>{word(t, 'alarm', a.decision)}</Chip>{a.note ? <Foreign text={a.note} /> : null}<div className="quiet">{a.decided_by}</div></> : <Button size="small" onClick={() => setDeciding(a)}>{t('behaviour.decide')}</Button>) },
                ]} />
              </Panel>
              <Panel title={t('behaviour.past')}>
                <DataTable label={t('behaviour.past')} rows={data.measures} id={(m) => m.id} empty={<Nothing title={t('behaviour.no_past')} />} columns={[
                  { key: 'level', title: t('behaviour.level'), show: (m) => <LevelChip level={m.level} percent={m.percent} /> },
                  { key: 'since', title: t('behaviour.since'), show: (m) => moment(m.since, lang) },
                  { key: 'until', title: t('behaviour.until'), show: (m) => moment(m.ended ?? m.until, lang) },
                  { key: 'reason', title: t('behaviour.reason'), wide: true, show: (m) => <bdi className="break">{m.alarm ? named(m.reason) : m.reason}</bdi> },
                  { key: 'by', title: t('behaviour.by'), show: (m) => (m.ended_by ? `${m.by} → ${m.ended_by}` : m.by) },
                ]} />
              </Panel>
              <Panel title={t('behaviour.dampings')}>
                <DataTable label={t('behaviour.dampings')} rows={data.dampings} id={(d) => d.id} empty={<Nothing title={t('behaviour.no_dampings')} />} columns={[
                  { key: 'signal', title: t('behaviour.signal'), wide: true, show: (d) => <><code>{d.signal}</code>{d.subject === '' ? <span className="quiet"> {t('behaviour.whole')}</span> : null}</> },
                  { key: 'left', title: t('behaviour.left'), end: true, show: (d) => `${d.percent} %` },
                  { key: 'until', title: t('behaviour.until'), show: (d) => moment(d.until, lang) },
                  { key: 'by', title: t('behaviour.by'), show: (d) => d.by },
                ]} />
              </Panel>
            </>
          )
        }}
      </Shown>
      {deciding ? <Decide alarm={deciding} onClose={() => setDeciding(null)} onDone={() => { setDeciding(null); loaded.reload() }} /> : null}
    </Page>
  )
}
