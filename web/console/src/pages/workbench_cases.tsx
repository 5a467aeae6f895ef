import { PlusOutlined } from '@ant-design/icons'
import { App, Button, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import { request } from '../api/client'
import { ACTIONS } from '../api/contract'
import type { Case, CaseRun } from '../api/workbench'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { excerpt, moment } from '../lib/format'
import { ActionChip, Chip, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'
import { CaseTable } from './workbench_runs'

const SIDES = ['input', 'output', 'tool'] as const

export default function WorkbenchCases() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const [editing, setEditing] = useState<Case | 'new' | null>(null)
  const [run, setRun] = useState<CaseRun | null>(null)
  const [busy, setBusy] = useState(false)
  const cases = useLoaded((signal) => request<{ cases: Case[] }>('get', '/admin/workbench/cases', { signal }), [])
  const tryAll = async () => {
    setBusy(true)
    try { setRun(await request<CaseRun>('post', '/admin/workbench/cases/run')) } catch (e) { void message.error(sentence(e, t), 8) }
    setBusy(false)
  }
  const remove = (c: Case) => modal.confirm({
    title: t('bench.remove_case', { name: c.name }), okText: t('do.remove'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
    onOk: async () => { try { await request('delete', `/admin/workbench/cases/${encodeURIComponent(c.id)}`); cases.reload() } catch (e) { void message.error(sentence(e, t)) } },
  })
  return (
    <Page title={t('bench.cases')} about={t('bench.cases_about')} actions={<><Link className="button-link" to="/workbench">{t('bench.all')}</Link><Button loading={busy} onClick={() => void tryAll()}>{t('bench.run_cases')}</Button><Button type="primary" icon={<PlusOutlined />} onClick={() => setEditing('new')}>{t('bench.new_case')}</Button></>}>
      {run ? <Panel title={t('bench.under_now')} actions={<Chip tone={run.failed > 0 ? 'bad' : 'good'}>{t('bench.cases_said', { failed: run.failed, cases: run.cases })}</Chip>}><CaseTable run={run} /></Panel> : null}
      <Panel title={t('bench.cases')}>
        <Shown of={cases}>
          {(data) => (
            <DataTable label={t('bench.cases')} rows={data.cases} id={(c) => c.id} empty={<Nothing title={t('bench.no_cases')} hint={t('bench.no_cases_hint')} />} columns={[
              { key: 'name', title: t('field.name'), wide: true, show: (c) => <><strong>{c.name}</strong><div className="quiet break">{excerpt(c.text, 90)}</div></> },
              { key: 'side', title: t('bench.side'), show: (c) => word(t, 'bench_side', c.side) },
              { key: 'expected', title: t('bench.expected'), show: (c) => <span className="row">{c.action ? <ActionChip action={c.action} /> : null}{c.rule ? <code className="break">{c.rule}</code> : null}{c.label ? <Chip>{c.label}</Chip> : null}</span> },
              { key: 'updated', title: t('bench.updated'), show: (c) => moment(c.updated, lang) },
              { key: 'do', title: t('field.do'), show: (c) => <span className="row"><Button size="small" onClick={() => setEditing(c)}>{t('do.edit')}</Button><Button size="small" danger onClick={() => remove(c)}>{t('do.remove')}</Button></span> },
            ]} />
          )}
        </Shown>
      </Panel>
      {editing ? <Edit of={editing === 'new' ? null : editing} onClose={() => setEditing(null)} onDone={() => { setEditing(null); cases.reload() }} /> : null}
    </Page>
  )
}

function Edit(props: { of: Case | null; onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<Record<string, string>>()
  const save = async (v: Record<string, string>) => {
    setBusy(true)
    try {
      const given = (name: string) => v[name]?.trim() || null
      const body = { name: v.name, text: v.text, side: v.side, app: given('app'), scene: given('scene'), action: given('action'), rule: given('rule'), label: given('label') }
      if (props.of) await request('put', `/admin/workbench/cases/${encodeURIComponent(props.of.id)}`, { body })
      else await request('post', '/admin/workbench/cases', { body })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t), 8)
      setBusy(false)
    }
  }
  const start = { side: 'input', action: '', ...Object.fromEntries(Object.entries(props.of ?? {}).map(([k, v]) => [k, v ?? ''])) }
  return (
    <Modal open width={640} title={props.of ? t('bench.edit_case') : t('bench.new_case')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} initialValues={start} onFinish={(v) => void save(v)}>
        <Form.Item name="name" label={t('field.name')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input maxLength={200} autoComplete="off" /></Form.Item>
        <Form.Item name="text" label={t('bench.case_text')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={4} maxLength={20000} /></Form.Item>
        <div className="form-two">
          <Form.Item name="side" label={t('bench.side')}><select className="native">{SIDES.map((s) => <option key={s} value={s}>{word(t, 'bench_side', s)}</option>)}</select></Form.Item>
          <Form.Item name="action" label={t('bench.expected_action')}><select className="native"><option value="">–</option>{ACTIONS.map((a) => <option key={a} value={a}>{word(t, 'action', a)}</option>)}</select></Form.Item>
          <Form.Item name="rule" label={t('bench.expected_rule')} extra={t('bench.rule_hint')}><Input autoComplete="off" /></Form.Item>
          <Form.Item name="label" label={t('bench.expected_label')} extra={t('bench.expected_label_hint')}><Input autoComplete="off" /></Form.Item>
          <Form.Item name="app" label={t('field.app')}><Input autoComplete="off" /></Form.Item>
          <Form.Item name="scene" label={t('bench.scene')}><Input autoComplete="off" /></Form.Item>
        </div>
      </Form>
    </Modal>
  )
}
