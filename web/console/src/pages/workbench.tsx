import { PlusOutlined } from '@ant-design/icons'
import { Alert, App, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router-dom'
import { request } from '../api/client'
import { STATES, type Change, type ChangeState, type State } from '../api/workbench'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, who } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown, Tile, type Tone } from '../ui/kit'

const TONES: Record<ChangeState, Tone> = { draft: 'calm', in_review: 'info', approved: 'good', scheduled: 'info', published: 'good', rejected: 'bad', withdrawn: 'calm' }

export function StateChip(props: { state: ChangeState }) {
  const { t } = useLanguage()
  return <Chip tone={TONES[props.state]}>{word(t, 'bench_state', props.state)}</Chip>
}

/** An account's name without what it is. */

export function Rooms() {
  const { t } = useLanguage()
  return <><Link className="button-link" to="/workbench/cases">{t('bench.cases')}</Link><Link className="button-link" to="/workbench/history">{t('bench.history')}</Link></>
}

export default function Workbench() {
  const { t, lang } = useLanguage()
  const [state, setState] = useState('')
  const [begun, setBegun] = useState(false)
  const bench = useLoaded((signal) => request<State>('get', '/admin/workbench', { signal }), [])
  const changes = useLoaded((signal) => request<{ changes: Change[] }>('get', '/admin/workbench/changes', { query: { state }, signal }), [state])
  return (
    <Page title={t('nav.workbench')} about={t('bench.about')} actions={<><Rooms /><Button type="primary" icon={<PlusOutlined />} onClick={() => setBegun(true)}>{t('bench.new')}</Button></>}>
      <Shown of={bench}>
        {(b) => (
          <>
            {b.alone ? <Alert className="gap" type="error" showIcon role="alert" message={t('bench.alone')} description={t('bench.alone_about')} /> : null}
            <div className="tiles">
              <Tile name={t('bench.revision')} value={b.revision === 0 ? t('bench.none_yet') : b.revision} note={<Link to="/workbench/history">{t('bench.history')}</Link>} />
              <Tile name={t('bench.packs')} value={b.packs.length} note={b.packs.map((p) => `${p.id} ${p.version}`).join(' · ')} />
              <Tile name={t('bench.files')} value={b.packs.reduce((n, p) => n + p.files.length, 0)} note={t('bench.edited_files', { count: b.packs.reduce((n, p) => n + p.files.filter((f) => f.edited).length, b.removed.length) })} />
              <Tile name={t('bench.mistakes')} value={b.errors} note={<Link to="/policy">{t('nav.policy')}</Link>} />
            </div>
          </>
        )}
      </Shown>
      <Panel title={t('bench.changes')} actions={<span className="field"><select className="native" aria-label={t('field.state')} value={state} onChange={(e) => setState(e.target.value)}><option value="">{t('filter.any')}</option>{STATES.map((s) => <option key={s} value={s}>{word(t, 'bench_state', s)}</option>)}</select></span>}>
        <Shown of={changes}>
          {(data) => (
            <DataTable label={t('bench.changes')} rows={data.changes} id={(c) => c.id} empty={<Nothing title={t('bench.no_changes')} hint={t('bench.no_changes_hint')} />} columns={[
              { key: 'title', title: t('bench.title'), wide: true, show: (c) => <Link to={`/workbench/${c.id}`}>{c.title}</Link> },
              { key: 'state', title: t('field.state'), show: (c) => <><StateChip state={c.state} />{c.scheduled ? <div className="quiet">{moment(c.scheduled, lang)}</div> : null}</> },
              { key: 'author', title: t('bench.author'), show: (c) => who(c.author) },
              { key: 'approved', title: t('bench.approved_by'), show: (c) => who(c.approved_by) },
              { key: 'revision', title: t('bench.revision'), end: true, show: (c) => c.revision ?? '–' },
              { key: 'updated', title: t('bench.updated'), show: (c) => moment(c.updated, lang) },
            ]} />
          )}
        </Shown>
      </Panel>
      {begun ? <Begin onClose={() => setBegun(false)} /> : null}
    </Page>
  )
}

function Begin(props: { onClose: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const go = useNavigate()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<{ title: string; note?: string }>()
  const begin = async (v: { title: string; note?: string }) => {
    setBusy(true)
    try {
      const change = await request<Change>('post', '/admin/workbench/changes', { body: { title: v.title.trim(), note: v.note?.trim() ?? '' } })
      void go(`/workbench/${change.id}`)
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={t('bench.new')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('bench.begin')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void begin(v)}>
        <Form.Item name="title" label={t('bench.title')} extra={t('bench.title_hint')} rules={[{ required: true, whitespace: true, max: 200, message: t('form.needed') }]}><Input autoFocus maxLength={200} /></Form.Item>
        <Form.Item name="note" label={t('bench.why')}><Input.TextArea rows={3} maxLength={4000} /></Form.Item>
      </Form>
    </Modal>
  )
}
