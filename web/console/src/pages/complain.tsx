import { Button, Form, Input, Tabs } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { PublicForm, Receipt, Standing } from '../api/cases'
import { useLanguage, word, type Translate } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment } from '../lib/format'
import { Facts, Foreign, Nothing, Page, Panel, Problem, Shown } from '../ui/kit'
import { StateChip } from './cases_parts'

/** "5 working days", in the language of the page. */
const span = (t: Translate, text: string): string => { const [n = '', ...unit] = text.split(' '); return `${n} ${word(t, 'span', unit.join(' '))}` }
const filled = (v: Record<string, string | undefined>) => Object.fromEntries(Object.entries(v).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])))

/** For anybody: nobody has to be signed in. */
export default function Complain() {
  const { t, lang } = useLanguage()
  const loaded = useLoaded((signal) => request<PublicForm>('get', '/v1/complaints/public/form', { signal, signingIn: true }), [])
  return (
    <Page title={t('complain.title')} about={t('complain.about')}>
      <Shown of={loaded}>
        {(form) => (form.open ? (
          <div className="narrow">
            <Tabs items={[
              { key: 'write', label: t('complain.write'), children: <Write form={form} /> },
              { key: 'look', label: t('complain.look'), children: <Look form={form} /> },
            ]} />
          </div>
        ) : <Nothing title={t('complain.closed')} hint={t('complain.closed_hint', { contact: form.contact[lang] })} />)}
      </Shown>
    </Page>
  )
}

function Write(props: { form: PublicForm }) {
  const { t, lang } = useLanguage()
  const [form] = Form.useForm<Record<string, string>>()
  const first = props.form.kinds[0]?.id
  const [kindId, setKind] = useState(first ?? '')
  const kind = props.form.kinds.find((k) => k.id === kindId)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const [receipt, setReceipt] = useState<Receipt | null>(null)
  const send = async (v: Record<string, string>) => {
    setBusy(true)
    setProblem(null)
    try {
      setReceipt(await request<Receipt>('post', '/v1/complaints/public', { body: { ...filled(v), kind: kindId, lang }, signingIn: true }))
      form.resetFields()
    } catch (e) {
      setProblem(e)
    }
    setBusy(false)
  }
  if (receipt) {
    return (
      <Panel title={t('complain.sent')}>
        <p role="status">{t('complain.keep')}</p>
        <Facts of={[[t('cases.ack_due_at'), moment(receipt.acknowledge_by, lang)], [t('cases.due_at'), moment(receipt.answer_by, lang)]]} />
        <h3>{t('cases.number')}</h3>
        <Foreign text={receipt.number} label={t('cases.number')} className="mono" />
        <h3>{t('cases.secret')}</h3>
        <Foreign text={receipt.secret} label={t('cases.secret')} className="mono" />
        <p className="top-gap"><Button onClick={() => setReceipt(null)}>{t('complain.another')}</Button></p>
      </Panel>
    )
  }
  const needs = (name: string) => kind?.needs.includes(name) ?? false
  const field = (name: string, label: string, hint?: string) => <Form.Item name={name} label={label} extra={hint} rules={[{ required: needs(name), message: t('form.needed') }]}><Input autoComplete="off" /></Form.Item>
  return (
    <Panel>
      <Problem error={problem} />
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void send(v)} initialValues={{ category: '' }}>
        <div className="field gap"><label htmlFor="complain-kind">{t('complain.what')}</label>
          <select id="complain-kind" className="native" value={kindId} onChange={(e) => setKind(e.target.value)}>
            {(['appeal', 'complaint', 'report'] as const).map((family) => <optgroup key={family} label={word(t, 'case_family', family)}>{props.form.kinds.filter((k) => k.family === family).map((k) => <option key={k.id} value={k.id}>{k[lang]}</option>)}</optgroup>)}
          </select>
          {kind ? <span className="quiet">{kind.about[lang]}{lang === 'zh' ? '。' : '. '}{t('complain.limits', { acknowledge: span(t, kind.acknowledge), answer: span(t, kind.answer) })}</span> : null}
        </div>
        <Form.Item name="text" label={t('complain.text')} extra={t('complain.text_hint')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={5} maxLength={20_000} /></Form.Item>
        <Form.Item name="category" label={t('cases.category')}><select className="native"><option value="">–</option>{props.form.categories.map((c) => <option key={c.id} value={c.id}>{c[lang]}</option>)}</select></Form.Item>
        {kind?.family === 'appeal' ? <div className="form-two">{field('user', t('complain.user'))}{field('request_id', t('complain.request'))}</div> : field('url', t('cases.url'))}
        {kind?.family === 'appeal' ? null : <Form.Item name="content" label={t('cases.content')} extra={t('complain.content_hint')}><Input.TextArea rows={3} maxLength={20_000} /></Form.Item>}
        {field('contact', t('cases.contact'), t('complain.contact_hint'))}
        <Button type="primary" htmlType="submit" loading={busy}>{t('complain.send')}</Button>
      </Form>
    </Panel>
  )
}

function Look(props: { form: PublicForm }) {
  const { t, lang } = useLanguage()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const [held, setHeld] = useState<Record<string, string> | null>(null)
  const [standing, setStanding] = useState<Standing | null>(null)
  const ask = async (path: 'standing' | 'appeal', body: Record<string, string>) => {
    setBusy(true)
    setProblem(null)
    try {
      setStanding(await request<Standing>('post', `/v1/complaints/public/${path}`, { body, signingIn: true }))
      if (path === 'standing') setHeld(body)
    } catch (e) {
      setProblem(e)
      if (path === 'standing') setStanding(null)
    }
    setBusy(false)
  }
  const over = standing !== null && ['answered', 'closed', 'rejected'].includes(standing.state)
  return (
    <>
      <Panel>
        <Problem error={problem} />
        <Form layout="vertical" requiredMark={false} onFinish={(v: Record<string, string>) => void ask('standing', filled(v) as Record<string, string>)}>
          <Form.Item name="number" label={t('cases.number')} rules={[{ required: true, message: t('form.needed') }]}><Input autoComplete="off" className="mono" /></Form.Item>
          <Form.Item name="secret" label={t('cases.secret')} rules={[{ required: true, message: t('form.needed') }]}><Input autoComplete="off" className="mono" /></Form.Item>
          <Button type="primary" htmlType="submit" loading={busy}>{t('complain.lookup')}</Button>
        </Form>
      </Panel>
      {standing ? (
        <Panel title={standing.number} actions={<StateChip of={standing} />}>
          <Facts of={[
            [t('cases.kind'), props.form.kinds.find((k) => k.id === standing.kind)?.[lang] ?? standing.kind], [t('cases.received_at'), moment(standing.received_at, lang)],
            [t('cases.due_at'), moment(standing.answer_by, lang)], [t('cases.answered_at'), moment(standing.answered_at, lang)],
          ]} />
          <h3>{t('complain.answer')}</h3>
          {standing.answer ? <Foreign text={standing.answer} label={t('complain.answer')} /> : <p className="quiet">{t('complain.no_answer')}</p>}
          {over && !standing.reopened && held ? (
            <Form layout="vertical" requiredMark={false} className="top-gap" onFinish={(v: Record<string, string>) => void ask('appeal', { ...held, text: v['text'] ?? '' })}>
              <h3>{t('complain.disagree')}</h3>
              <p className="quiet">{t('complain.disagree_hint')}</p>
              <Form.Item name="text" label={t('complain.why')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={3} maxLength={20_000} /></Form.Item>
              <Button htmlType="submit" loading={busy}>{t('complain.appeal')}</Button>
            </Form>
          ) : null}
        </Panel>
      ) : null}
    </>
  )
}
