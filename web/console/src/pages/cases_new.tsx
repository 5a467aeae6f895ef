import { Alert, Button, Form, Input, Modal } from 'antd'
import { useRef, useState } from 'react'
import { request } from '../api/client'
import type { Book, Receipt } from '../api/cases'
import { useLanguage } from '../i18n'
import { moment } from '../lib/format'
import { Facts, Foreign, Problem } from '../ui/kit'

interface Fields { kind: string; text: string; category?: string; tenant?: string; app?: string; user?: string; contact?: string; url?: string; content?: string; request_id?: string; lang: string }

/** A case that came in another way, written down; then its receipt. */
export function NewCase(props: { book: Book; close: () => void }) {
  const { t, lang } = useLanguage()
  const [form] = Form.useForm<Fields>()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const [receipt, setReceipt] = useState<Receipt | null>(null)
  const first = useRef<HTMLSelectElement>(null)
  const chosen = Form.useWatch('kind', form) ?? props.book.kinds[0]?.id
  const kind = props.book.kinds.find((k) => k.id === chosen)
  const send = async (v: Fields) => {
    setBusy(true)
    setProblem(null)
    try {
      const body = Object.fromEntries(Object.entries(v).flatMap(([name, value]) => (typeof value === 'string' && value.trim() !== '' ? [[name, value.trim()]] : [])))
      setReceipt(await request<Receipt>('post', '/admin/cases', { body }))
    } catch (e) {
      setProblem(e)
    }
    setBusy(false)
  }
  if (receipt) {
    return (
      <Modal open title={t('cases.receipt')} onCancel={props.close} closable={{ 'aria-label': t('do.close') }} footer={<Button type="primary" autoFocus onClick={props.close}>{t('do.close')}</Button>}>
        <Alert type="warning" showIcon className="gap" message={t('cases.secret_hint')} />
        <Facts of={[[t('cases.number'), <strong key="n" className="mono">{receipt.number}</strong>], [t('cases.due_at'), moment(receipt.answer_by, lang)]]} />
        <h3>{t('cases.secret')}</h3>
        <Foreign text={receipt.secret} label={t('cases.secret')} className="mono" />
      </Modal>
    )
  }
  const needs = (name: string) => kind?.needs.includes(name) ?? false
  const field = (name: keyof Fields, label: string) => <Form.Item name={name} label={label} rules={[{ required: needs(name), message: t('form.needed') }]}><Input autoComplete="off" /></Form.Item>
  return (
    <Modal open title={t('cases.new')} onCancel={props.close} closable={{ 'aria-label': t('do.close') }} onOk={() => form.submit()} okText={t('cases.send')} cancelText={t('do.cancel')} confirmLoading={busy} width={640} afterOpenChange={(open) => { if (open) first.current?.focus() }}>
      <p className="quiet">{t('cases.new_about')}</p>
      <Problem error={problem} />
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void send(v)} initialValues={{ kind: props.book.kinds[0]?.id, lang }}>
        <div className="form-two">
          <Form.Item name="kind" label={t('cases.kind')}><select className="native" ref={first}>{props.book.kinds.map((k) => <option key={k.id} value={k.id}>{k[lang]}</option>)}</select></Form.Item>
          <Form.Item name="category" label={t('cases.category')}><select className="native"><option value="">–</option>{props.book.categories.map((c) => <option key={c.id} value={c.id}>{c[lang]}</option>)}</select></Form.Item>
        </div>
        <Form.Item name="text" label={t('cases.text')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input.TextArea rows={4} maxLength={20_000} /></Form.Item>
        <div className="form-two">
          {field('contact', t('cases.contact'))}{field('url', t('cases.url'))}{field('user', t('field.user'))}{field('request_id', t('cases.request'))}{field('tenant', t('field.tenant'))}{field('app', t('field.app'))}
        </div>
        <Form.Item name="content" label={t('cases.content')}><Input.TextArea rows={2} maxLength={20_000} /></Form.Item>
        <Form.Item name="lang" label={t('cases.language')}><select className="native"><option value="zh">{t('language.zh')}</option><option value="en">English</option></select></Form.Item>
      </Form>
    </Modal>
  )
}
