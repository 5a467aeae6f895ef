import { Alert, App, Button, Checkbox, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { call } from '../api/client'
import type { ApiKey } from '../api/contract'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment, past } from '../lib/format'
import { Chip, Copyable, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'

interface Fields { name: string; profiles?: boolean; tenant?: string; app?: string; scene?: string; tier?: string; admin?: string; requests?: string; tokens?: string; days?: string }

export default function Keys() {
  const { t, lang } = useLanguage()
  const { message, modal } = App.useApp()
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const [made, setMade] = useState<string | null>(null)
  const [form] = Form.useForm<Fields>()
  const loaded = useLoaded((signal) => call('get', '/admin/keys', { signal }), [])

  const make = async (v: Fields) => {
    setBusy(true)
    try {
      const text = (name: 'tenant' | 'app' | 'scene' | 'tier') => (v[name]?.trim() ? { [name]: v[name].trim() } : {})
      const number = (name: 'requests' | 'tokens' | 'days', as: string, times = 1) => (Number(v[name]) > 0 ? { [as]: Math.round(Number(v[name]) * times) } : {})
      const key = await call('post', '/admin/keys', { body: { name: v.name.trim(), scopes: ['infer' as const, ...(v.admin === 'admin' ? ['admin' as const] : []), ...(v.profiles ? ['profiles' as const] : [])], ...text('tenant'), ...text('app'), ...text('scene'), ...text('tier'), ...number('requests', 'requests_per_minute'), ...number('tokens', 'tokens_per_minute'), ...number('days', 'expires_in_s', 86_400) } })
      setOpen(false)
      form.resetFields()
      setMade(key.key ?? '')
      loaded.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  const revoke = (key: ApiKey) => {
    modal.confirm({
      title: t('keys.revoke_title', { name: key.name }), content: t('keys.revoke_about'), okText: t('keys.revoke'), cancelText: t('do.cancel'), okButtonProps: { danger: true },
      onOk: async () => {
        try {
          await call('delete', '/admin/keys/{id}', { params: { id: key.id } })
          void message.success(t('keys.revoked_done'))
          loaded.reload()
        } catch (e) {
          void message.error(sentence(e, t))
        }
      },
    })
  }
  const state = (k: ApiKey) => (k.revoked_us ? <Chip>{t('keys.revoked')}</Chip> : past(k.expires_us) ? <Chip>{t('agreements.expired')}</Chip> : <Chip tone="good">{t('keys.active')}</Chip>)
  const field = (name: keyof Fields, label: string, extra?: string, number = false) => <Form.Item name={name} label={label} extra={extra} rules={number ? [{ pattern: /^\d{1,9}$/, message: t('form.number') }] : []}><Input inputMode={number ? 'numeric' : 'text'} autoComplete="off" /></Form.Item>
  return (
    <Page title={t('nav.keys')} about={t('keys.about')} actions={<Button type="primary" onClick={() => setOpen(true)}>{t('keys.new')}</Button>}>
      <Panel>
        <Shown of={loaded}>
          {(data) => (
            <DataTable label={t('nav.keys')} rows={(data.keys ?? []) as unknown as ApiKey[]} id={(k) => k.id} empty={<Nothing title={t('keys.nothing')} hint={t('keys.nothing_hint')} />} columns={[
              { key: 'name', title: t('field.name'), wide: true, show: (k) => <><strong>{k.name}</strong><div className="quiet"><code>{k.id}</code></div></> },
              { key: 'state', title: t('field.state'), show: state },
              { key: 'app', title: t('field.app'), show: (k) => `${k.tenant} / ${k.app}` },
              { key: 'scopes', title: t('keys.scopes'), show: (k) => <span className="row">{k.scopes.map((s) => <Chip key={s} tone={s === 'admin' ? 'warn' : 'calm'}>{s}</Chip>)}</span> },
              { key: 'scene', title: t('try.scene'), show: (k) => k.scene ?? '–' },
              { key: 'tier', title: t('keys.tier'), show: (k) => k.tier ?? '–' },
              { key: 'limit', title: t('keys.limit'), show: (k) => (k.requests_per_minute ? t('keys.per_minute', { n: k.requests_per_minute }) : '–') },
              { key: 'created', title: t('field.created'), show: (k) => moment(k.created_us, lang) },
              { key: 'expires', title: t('field.expires'), show: (k) => moment(k.expires_us, lang) },
              { key: 'do', title: t('field.do'), show: (k) => (k.revoked_us ? <span className="quiet">–</span> : <Button size="small" danger onClick={() => revoke(k)}>{t('keys.revoke')}</Button>) },
            ]} />
          )}
        </Shown>
      </Panel>
      <Modal open={open} title={t('keys.new')} onCancel={() => setOpen(false)} onOk={() => form.submit()} okText={t('keys.make')} cancelText={t('do.cancel')} confirmLoading={busy} destroyOnHidden>
        <Form form={form} layout="vertical" requiredMark={false} preserve={false} onFinish={(v) => void make(v)} initialValues={{ admin: 'infer' }}>
          <Form.Item name="name" label={t('field.name')} rules={[{ required: true, message: t('form.needed') }]}><Input autoComplete="off" maxLength={100} /></Form.Item>
          <Form.Item name="admin" label={t('keys.scopes')}><select className="native"><option value="infer">{t('keys.scope_infer')}</option><option value="admin">{t('keys.scope_admin')}</option></select></Form.Item>
          <Form.Item name="profiles" valuePropName="checked"><Checkbox>{t('keys.scope_profiles')}</Checkbox></Form.Item>
          <div className="form-two">{field('tenant', t('field.tenant'))}{field('app', t('field.app'))}{field('scene', t('try.scene'))}{field('tier', t('keys.tier'))}{field('requests', t('keys.requests'), undefined, true)}{field('tokens', t('keys.tokens'), undefined, true)}</div>
          {field('days', t('keys.days'), t('keys.days_hint'), true)}
        </Form>
      </Modal>
      {/* Not merely hidden when it is closed: the secret leaves the page. */}
      {made === null ? null : (
        <Modal open title={t('keys.secret')} closable={false} maskClosable={false} keyboard={false} footer={<Button type="primary" onClick={() => setMade(null)}>{t('keys.kept')}</Button>}>
          <Alert type="warning" showIcon className="gap" message={t('keys.once')} />
          <Copyable text={made} label={t('keys.secret')} />
        </Modal>
      )}
    </Page>
  )
}
