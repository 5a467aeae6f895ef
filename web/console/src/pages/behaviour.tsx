import { Alert, App, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import { KINDS, LEVELS, type Alarm, type Damping, type Kind, type Level, type Measure, type Rules, type Suspension } from '../api/behaviour'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, moment } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown, Tile } from '../ui/kit'
import { Decide, LevelChip, useGrades, Whose, Why } from './behaviour_parts'

interface Fields { tenant?: string; app?: string; kind: Kind; subject: string; level: Level; minutes: string; reason: string }

export default function Behaviour() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const [all, setAll] = useState(false)
  const [before, setBefore] = useState<string[]>([])
  const [deciding, setDeciding] = useState<Alarm | null>(null)
  const [acting, setActing] = useState(false)
  const rules = useLoaded((signal) => request<Rules>('get', '/admin/behaviour', { signal }), [])
  const alarms = useLoaded((signal) => request<{ alarms: Alarm[]; next: string | null }>('get', '/admin/behaviour/alarms', { signal, query: { open: all ? undefined : true, limit: 50, before: before[before.length - 1] } }), [all, before], 15_000)
  const standing = useLoaded((signal) => request<{ measures: Measure[]; suspensions: Suspension[] }>('get', '/admin/behaviour/measures', { signal }), [], 15_000)
  const dampings = useLoaded((signal) => request<{ dampings: Damping[] }>('get', '/admin/behaviour/dampings', { signal }), [])
  const named = useGrades(rules.data)
  const refresh = () => { alarms.reload(); standing.reload(); dampings.reload() }
  const attempt = async (work: () => Promise<unknown>) => {
    try { await work(); refresh() } catch (e) { void message.error(sentence(e, t)) }
  }
  const end = (who: string, path: string) => modal.confirm({ title: t('behaviour.end_title'), content: t('behaviour.end_about', { who }), okText: t('behaviour.end'), cancelText: t('do.cancel'), onOk: () => attempt(() => request('delete', path)) })
  const inForce = (standing.data?.measures.length ?? 0) + (standing.data?.suspensions.length ?? 0)
  return (
    <Page title={t('nav.behaviour')} about={t('behaviour.about')} actions={<Button type="primary" onClick={() => setActing(true)}>{t('behaviour.act')}</Button>}>
      {rules.data && !rules.data.enabled ? <Alert className="gap" type="warning" showIcon message={t('behaviour.off')} /> : rules.data && !rules.data.act ? <Alert className="gap" type="info" showIcon message={t('behaviour.watch_only')} /> : null}
      <Shown of={rules}>
        {(data) => (
          <div className="tiles">
            <Tile name={t('behaviour.open')} value={all ? '–' : `${count(alarms.data?.alarms.length ?? 0, lang)}${alarms.data?.next ? '+' : ''}`} />
            <Tile name={t('behaviour.in_force')} value={count(inForce, lang)} />
            <Tile name={t('behaviour.held')} value={count(data.subjects, lang)} note={t('behaviour.held_note', { n: count(data.most_subjects, lang) })} />
            <Tile name={t('behaviour.strikes')} value={<span className="small-value">{data.strikes.in_a_row === 0 && data.strikes.per_day === 0 ? t('behaviour.strikes_off') : t('behaviour.strikes_value', { row: data.strikes.in_a_row || '–', day: data.strikes.per_day || '–' })}</span>} note={t('behaviour.strikes_note')} />
          </div>
        )}
      </Shown>
      <Panel title={t('behaviour.alarms')} actions={<div className="field"><label htmlFor="alarms-show">{t('behaviour.show')}</label><select id="alarms-show" className="native" value={all ? 'all' : 'open'} onChange={(e) => { setBefore([]); setAll(e.target.value === 'all') }}><option value="open">{t('behaviour.only_open')}</option><option value="all">{t('behaviour.all')}</option></select></div>}>
        <Shown of={alarms}>
          {(data) => (
            <>
              <DataTable label={t('behaviour.alarms')} rows={data.alarms} id={(a) => a.id} mark={(a) => a.human && a.decision === null} empty={<Nothing title={t('behaviour.no_alarms')} hint={t('behaviour.no_alarms_hint')} />} columns={[
                { key: 'who', title: t('behaviour.subject'), wide: true, show: (a) => <Whose who={a} /> },
                { key: 'at', title: t('field.at'), show: (a) => moment(a.at, lang) },
                { key: 'grade', title: t('behaviour.grade'), show: (a) => <span className="row"><Chip tone="warn">{named(a.grade)}</Chip>{a.human && a.decision === null ? <Chip tone="stop">{t('behaviour.human')}</Chip> : null}</span> },
                { key: 'score', title: t('behaviour.score'), end: true, show: (a) => a.score },
                { key: 'why', title: t('behaviour.why'), wide: true, show: (a) => <Why reasons={a.reasons} /> },
                { key: 'do', title: t('field.do'), show: (a) => (a.decision ? <Chip tone={a.decision === 'false_alarm' ? 'calm' : 'good'} title={a.decided_by ?? undefined}>{word(t, 'alarm', a.decision)}</Chip> : <Button size="small" onClick={() => setDeciding(a)}>{t('behaviour.decide')}</Button>) },
              ]} />
              {data.next ? <div className="actions top-gap"><Button onClick={() => setBefore((was) => [...was, data.next ?? ''])}>{t('behaviour.more')}</Button></div> : null}
            </>
          )}
        </Shown>
      </Panel>
      <Panel title={t('behaviour.in_force')}>
        <Shown of={standing}>
          {(data) => (
            <DataTable label={t('behaviour.in_force')} rows={[...data.suspensions.map((s) => ({ id: `${s.tenant}/${s.user}`, who: { tenant: s.tenant, app: '*', kind: 'user' as Kind, subject: s.user }, level: 'suspend' as Level, percent: 100, until: s.until, reason: s.reason === 'consecutive' || s.reason === 'per_day' ? t('behaviour.suspended_by_limit') : s.reason, by: s.by, limit: true })), ...data.measures.map((m) => ({ id: m.id, who: m, level: m.level, percent: m.percent, until: m.until as string | null, reason: m.alarm ? named(m.reason) : m.reason, by: m.by, limit: false }))]} id={(m) => m.id} empty={<Nothing title={t('behaviour.no_measures')} />} columns={[
              { key: 'who', title: t('behaviour.subject'), wide: true, show: (m) => <Whose who={m.who} plain={m.limit} /> },
              { key: 'level', title: t('behaviour.level'), show: (m) => <LevelChip level={m.level} percent={m.percent} /> },
              { key: 'until', title: t('behaviour.until'), show: (m) => moment(m.until, lang) },
              { key: 'reason', title: t('behaviour.reason'), wide: true, show: (m) => <bdi className="break">{m.reason}</bdi> },
              { key: 'by', title: t('behaviour.by'), show: (m) => m.by },
              { key: 'do', title: t('field.do'), show: (m) => <Button size="small" danger onClick={() => end(m.who.subject, m.limit ? `/admin/suspensions/${encodeURIComponent(m.who.tenant)}/${encodeURIComponent(m.who.subject)}` : `/admin/behaviour/measures/${encodeURIComponent(m.id)}`)}>{t('behaviour.end')}</Button> },
            ]} />
          )}
        </Shown>
      </Panel>
      <Panel title={t('behaviour.dampings')}>
        <Shown of={dampings}>
          {(data) => (
            <DataTable label={t('behaviour.dampings')} rows={data.dampings} id={(d) => d.id} empty={<Nothing title={t('behaviour.no_dampings')} />} columns={[
              { key: 'who', title: t('behaviour.subject'), wide: true, show: (d) => <Whose who={d} /> },
              { key: 'signal', title: t('behaviour.signal'), show: (d) => <code>{d.signal}</code> },
              { key: 'left', title: t('behaviour.left'), end: true, show: (d) => `${d.percent} %` },
              { key: 'marks', title: t('behaviour.marks'), end: true, show: (d) => d.marks },
              { key: 'until', title: t('behaviour.until'), show: (d) => moment(d.until, lang) },
              { key: 'do', title: t('field.do'), show: (d) => <Button size="small" onClick={() => void attempt(() => request('delete', `/admin/behaviour/dampings/${encodeURIComponent(d.id)}`))}>{t('behaviour.take_back')}</Button> },
            ]} />
          )}
        </Shown>
      </Panel>
      {rules.data?.grades && rules.data.signals ? (
        <div className="grid two">
          <Panel title={t('behaviour.grade')}>
            <DataTable label={t('behaviour.grade')} rows={rules.data.grades} id={(g) => g.id} empty={null} columns={[
              { key: 'name', title: t('behaviour.grade'), wide: true, show: (g) => (lang === 'zh' ? g.zh : g.en) },
              { key: 'score', title: t('behaviour.from_score'), end: true, show: (g) => g.score },
              { key: 'what', title: t('behaviour.what'), show: (g) => word(t, 'measure', g.level) },
              { key: 'lasts', title: t('behaviour.lasts_for'), end: true, show: (g) => t('behaviour.for_minutes', { n: count(g.lasts_s / 60, lang) }) },
            ]} />
          </Panel>
          <Panel title={t('behaviour.signal')}>
            <DataTable label={t('behaviour.signal')} rows={rules.data.signals} id={(s) => s.id} empty={null} columns={[
              { key: 'id', title: t('behaviour.signal'), wide: true, show: (s) => <><code>{s.id}</code><div className="quiet">{s.subjects.map((k) => word(t, 'kind', k)).join(' · ')}</div></> },
              { key: 'from', title: t('behaviour.from_value'), end: true, show: (s) => s.at_least },
              { key: 'window', title: t('behaviour.window'), end: true, show: (s) => t('behaviour.for_minutes', { n: count(s.window_s / 60, lang) }) },
              { key: 'points', title: t('behaviour.points'), end: true, show: (s) => s.points },
            ]} />
          </Panel>
        </div>
      ) : null}
      {deciding ? <Decide alarm={deciding} onClose={() => setDeciding(null)} onDone={() => { setDeciding(null); refresh() }} /> : null}
      {acting ? <Act onClose={() => setActing(false)} onDone={() => { setActing(false); refresh() }} /> : null}
    </Page>
  )
}

function Act(props: { onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<Fields>()
  const save = async (v: Fields) => {
    setBusy(true)
    try {
      const text = (name: 'tenant' | 'app') => (v[name]?.trim() ? { [name]: v[name].trim() } : {})
      await request('post', '/admin/behaviour/measures', { body: { ...text('tenant'), ...text('app'), kind: v.kind, subject: v.subject, level: v.level, lasts_s: Math.round(Number(v.minutes) * 60), reason: v.reason.trim() } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  const needed = { required: true, message: t('form.needed') }
  return (
    <Modal open title={t('behaviour.act')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ kind: 'user', level: 'warn', minutes: '60' }}>
        <div className="form-two">
          <Form.Item name="kind" label={t('behaviour.kind')}><select className="native">{KINDS.map((k) => <option key={k} value={k}>{word(t, 'kind', k)}</option>)}</select></Form.Item>
          <Form.Item name="subject" label={t('behaviour.id')} rules={[needed]}><Input autoComplete="off" maxLength={512} /></Form.Item>
          <Form.Item name="tenant" label={t('field.tenant')}><Input autoComplete="off" placeholder="default" /></Form.Item>
          <Form.Item name="app" label={t('field.app')}><Input autoComplete="off" placeholder="default" /></Form.Item>
          <Form.Item name="level" label={t('behaviour.level')}><select className="native">{LEVELS.map((l) => <option key={l} value={l}>{word(t, 'measure', l)}</option>)}</select></Form.Item>
          <Form.Item name="minutes" label={t('behaviour.lasts')} rules={[{ pattern: /^[1-9]\d{0,4}$/, message: t('form.number') }]}><Input inputMode="numeric" autoComplete="off" /></Form.Item>
        </div>
        <Form.Item name="reason" label={t('behaviour.reason')} rules={[needed]}><Input.TextArea rows={2} maxLength={1000} /></Form.Item>
      </Form>
    </Modal>
  )
}
