import { App, Button, Drawer, Form, Input, Modal, Tabs } from 'antd'
import { useEffect, useRef, useState } from 'react'
import { request } from '../api/client'
import type { BoardRow, Practice, RangeSession, Submission } from '../api/contract'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment } from '../lib/format'
import { useNames, useSession } from '../session'
import { Chip, DataTable, Facts, Foreign, Nothing, Page, Panel, Problem, sentence, Shown } from '../ui/kit'
import { STATE_TONES } from './redteam'
import { Transcript } from './transcript'

export default function Range() {
  const { t } = useLanguage()
  const [tab, setTab] = useState('targets')
  return (
    <Page title={t('nav.range')} about={t('range.about')}>
      <Tabs activeKey={tab} onChange={setTab} destroyOnHidden={false} items={[
        { key: 'targets', label: t('range.targets'), children: <Targets onSubmitted={() => setTab('submissions')} /> },
        { key: 'submissions', label: t('range.submissions'), children: tab === 'submissions' ? <Submissions /> : null },
        { key: 'board', label: t('range.board'), children: tab === 'board' ? <Board /> : null },
      ]} />
    </Page>
  )
}

function Targets(props: { onSubmitted: () => void }) {
  const { t } = useLanguage()
  const { session } = useSession()
  const { message } = App.useApp()
  const [playing, setPlaying] = useState<RangeSession | null>(null)
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [handing, setHanding] = useState(false)
  const end = useRef<HTMLDivElement>(null)
  const loaded = useLoaded((signal) => request<{ targets: Practice[] }>('get', '/admin/range/targets', { signal }), [])
  useEffect(() => { if (playing?.transcript.length) end.current?.scrollIntoView({ block: 'nearest' }) }, [playing])
  const open = async (target: string) => {
    setError(null)
    try {
      setPlaying(await request<RangeSession>('post', '/admin/range/sessions', { body: { target, player: session?.name } }))
    } catch (e) {
      void message.error(sentence(e, t))
    }
  }
  const say = async () => {
    if (!playing || text.trim() === '') return
    setBusy(true)
    setError(null)
    try {
      setPlaying(await request<RangeSession>('post', `/admin/range/sessions/${encodeURIComponent(playing.id)}/turns`, { body: { text } }))
      setText('')
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  return (
    <>
      <Shown of={loaded}>
        {(data) => (data.targets.length === 0 ? <Nothing title={t('range.no_targets')} hint={t('range.no_targets_hint')} /> : (
          <div className="tiles targets">
            {data.targets.map((p) => (
              <section key={p.id} className={playing?.range === p.id ? 'tile chosen' : 'tile'} aria-label={p.name}>
                <div className="row"><strong>{p.name}</strong><Chip tone="warn">{p.harm}</Chip></div>
                <p className="quiet">{p.brief}</p>
                <Button onClick={() => void open(p.id)}>{t(playing?.range === p.id ? 'range.again' : 'range.begin')}</Button>
              </section>
            ))}
          </div>
        ))}
      </Shown>
      {playing ? (
        <Panel title={t('range.session', { range: playing.range })} actions={<>{playing.broken_at !== undefined && playing.broken_at !== null ? <Chip tone="bad">{t('range.broken', { turn: playing.broken_at })}</Chip> : <Chip>{t('range.holds')}</Chip>}<Button disabled={!playing.transcript.some((x) => x.speaker === 'user')} onClick={() => setHanding(true)}>{t('range.hand_in')}</Button></>}>
          <Transcript turns={playing.transcript} />
          <div ref={end} />
          <Problem error={error} />
          <form className="row" onSubmit={(e) => { e.preventDefault(); void say() }}>
            <div className="grow"><Input.TextArea aria-label={t('range.say')} placeholder={t('range.say')} value={text} onChange={(e) => setText(e.target.value)} rows={2} onKeyDown={(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) void say() }} /></div>
            <Button type="primary" htmlType="submit" loading={busy} disabled={text.trim() === ''}>{t('range.send')}</Button>
          </form>
        </Panel>
      ) : null}
      {playing && handing ? <HandIn session={playing} player={session?.name ?? ''} onClose={() => setHanding(false)} onDone={() => { setHanding(false); props.onSubmitted() }} /> : null}
    </>
  )
}

function HandIn(props: { session: RangeSession; player: string; onClose: () => void; onDone: () => void }) {
  const { t, lang } = useLanguage()
  const { taxonomy } = useSession()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<{ title: string; goal: string; attack: string }>()
  const turns = props.session.transcript.filter((x) => x.speaker === 'user').map((x) => x.text)
  const send = async (values: { title: string; goal: string; attack: string }) => {
    setBusy(true)
    try {
      await request('post', '/admin/range/submissions', { body: { range: props.session.range, reporter: props.player, title: values.title.trim(), goal: values.goal.trim(), attack: values.attack, turns } })
      void message.success(t('range.handed_in'))
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  return (
    <Modal open title={t('range.hand_in')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('range.hand_in')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void send(v)} initialValues={{ attack: 'S1' }}>
        <Form.Item name="title" label={t('range.finding')} rules={[{ required: true, message: t('form.needed') }]}><Input maxLength={200} /></Form.Item>
        <Form.Item name="goal" label={t('range.goal')} rules={[{ required: true, message: t('form.needed') }]}><Input maxLength={500} /></Form.Item>
        <Form.Item name="attack" label={t('redteam.attack')}><select className="native">{(taxonomy?.attacks ?? [{ id: 'S1', zh: 'S1', en: 'S1' }]).map((a) => <option key={a.id} value={a.id}>{a.id} {a[lang]}</option>)}</select></Form.Item>
        <p className="quiet">{t('range.turns', { turns: turns.length })}</p>
      </Form>
    </Modal>
  )
}

function Submissions() {
  const { t, lang } = useLanguage()
  const named = useNames(lang)
  const [state, setState] = useState('')
  const [open, setOpen] = useState<string | null>(null)
  const loaded = useLoaded((signal) => request<{ submissions: Submission[] }>('get', '/admin/range/submissions', { signal, query: { state } }), [state])
  return (
    <Panel>
      <div className="filters gap"><div className="field"><label htmlFor="s-state">{t('field.state')}</label><select id="s-state" className="native" value={state} onChange={(e) => setState(e.target.value)}><option value="">{t('filter.any')}</option>{['submitted', 'duplicate', 'reproduced', 'not_reproduced', 'confirmed', 'rejected', 'fixed', 'regressed'].map((s) => <option key={s} value={s}>{word(t, 'submission', s)}</option>)}</select></div></div>
      <Shown of={loaded}>
        {(data) => (
          <DataTable label={t('range.submissions')} rows={data.submissions} id={(s) => s.id} empty={<Nothing title={t('range.no_submissions')} hint={t('range.no_submissions_hint')} />} columns={[
            { key: 'title', title: t('range.finding'), wide: true, show: (s) => <button type="button" className="as-link" onClick={() => setOpen(s.id)}>{s.finding.title}</button> },
            { key: 'state', title: t('field.state'), show: (s) => <Chip tone={STATE_TONES[s.state] ?? 'calm'}>{word(t, 'submission', s.state)}</Chip> },
            { key: 'attack', title: t('redteam.attack'), show: (s) => `${s.finding.attack} ${named('attacks', s.finding.attack)}` },
            { key: 'target', title: t('redteam.target'), show: (s) => s.finding.range },
            { key: 'grade', title: t('range.grade'), end: true, show: (s) => (s.grade ? `${(s.grade.tenths / 10).toFixed(1)} ${word(t, 'severity', s.grade.severity)}` : '–') },
            { key: 'who', title: t('range.reporter'), show: (s) => s.finding.reporter },
            { key: 'at', title: t('field.at'), show: (s) => moment(s.created_us, lang) },
          ]} />
        )}
      </Shown>
      {open ? <One id={open} onClose={() => setOpen(null)} onChange={loaded.reload} /> : null}
    </Panel>
  )
}

function One(props: { id: string; onClose: () => void; onChange: () => void }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [harm, setHarm] = useState('H2')
  const [why, setWhy] = useState('')
  const [busy, setBusy] = useState(false)
  const path = `/admin/range/submissions/${encodeURIComponent(props.id)}`
  const loaded = useLoaded((signal) => request<{ submission: Submission; history: { seq: number; at_us: number; actor: string; event: string }[] }>('get', path, { signal }), [props.id])
  const act = async (what: 'replay' | 'decision', body: unknown) => {
    setBusy(true)
    try {
      await request('post', `${path}/${what}`, { body })
      loaded.reload()
      props.onChange()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  return (
    <Drawer open onClose={props.onClose} width={Math.min(680, window.innerWidth)} title={t('range.submission')} closable={{ 'aria-label': t('do.close') }}>
      <Shown of={loaded}>
        {({ submission: s, history }) => (
          <div className="stack">
            <Facts of={[
              [t('range.finding'), s.finding.title], [t('range.goal'), s.finding.goal], [t('field.state'), <Chip key="s" tone={STATE_TONES[s.state] ?? 'calm'}>{word(t, 'submission', s.state)}</Chip>],
              [t('range.replays'), s.replays ? t('range.replayed', { hits: s.replays.successes, of: s.replays.of }) : '–'], [t('range.grade'), s.grade ? <code key="g" className="break">{s.grade.vector} · {(s.grade.tenths / 10).toFixed(1)}</code> : '–'],
              ...(s.duplicate_of ? [[t('range.duplicate_of'), s.duplicate_of] as const] : []),
            ]} />
            <div><h3>{t('range.said')}</h3>{s.finding.turns.map((turn, i) => <Foreign key={i} text={turn} className="small" />)}</div>
            <div className="row"><Button loading={busy} onClick={() => void act('replay', { times: 10 })}>{t('range.replay')}</Button></div>
            <div className="filters">
              <div className="field"><label htmlFor="d-harm">{t('redteam.harm')}</label><select id="d-harm" className="native" value={harm} onChange={(e) => setHarm(e.target.value)}>{['H1', 'H2', 'H3', 'H4'].map((h) => <option key={h}>{h}</option>)}</select></div>
              <div className="field"><label htmlFor="d-why">{t('range.why')}</label><Input id="d-why" value={why} onChange={(e) => setWhy(e.target.value)} maxLength={1000} /></div>
              <Button type="primary" disabled={busy} onClick={() => void act('decision', { harm, why })}>{t('range.confirm')}</Button>
              <Button danger disabled={busy || why.trim() === ''} onClick={() => void act('decision', { why })}>{t('range.reject')}</Button>
            </div>
            <div><h3>{t('range.history')}</h3><ul className="finding-list">{history.map((h) => <li key={h.seq}>{moment(h.at_us, lang)} · {word(t, 'submission', h.event)} <span className="quiet">{h.actor}</span></li>)}</ul></div>
          </div>
        )}
      </Shown>
    </Drawer>
  )
}

function Board() {
  const { t } = useLanguage()
  const loaded = useLoaded((signal) => request<{ board: BoardRow[] }>('get', '/admin/range/board', { signal }), [])
  return (
    <Panel>
      <p className="quiet">{t('range.board_about')}</p>
      <Shown of={loaded}>
        {(data) => (
          <DataTable label={t('range.board')} rows={data.board.map((row, i) => ({ ...row, place: i + 1 }))} id={(r) => r.reporter} empty={<Nothing title={t('range.no_board')} hint={t('range.no_submissions_hint')} />} columns={[
            { key: 'place', title: t('range.place'), show: (r) => r.place },
            { key: 'who', title: t('range.reporter'), wide: true, show: (r) => <strong>{r.reporter}</strong> },
            { key: 'score', title: t('range.score'), end: true, show: (r) => (r.tenths / 10).toFixed(1) },
            { key: 'found', title: t('range.found'), show: (r) => <span className="row">{Object.entries(r.by_severity).filter(([, n]) => n > 0).map(([s, n]) => <Chip key={s}>{word(t, 'severity', s)} {n}</Chip>)}</span> },
            { key: 'n', title: t('range.submissions'), end: true, show: (r) => r.submissions },
          ]} />
        )}
      </Shown>
    </Panel>
  )
}
