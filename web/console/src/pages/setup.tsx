import { Alert, Button, Form, Input } from 'antd'
import { useEffect, useState } from 'react'
import { Link } from 'react-router-dom'
import { request } from '../api/client'
import type { Setup } from '../api/contract'
import { useLanguage, type Key } from '../i18n'
import { useLoaded } from '../lib/async'
import { useSession } from '../session'
import { Chip, Page, Panel, sentence, Shown } from '../ui/kit'

const STEPS: readonly (readonly [keyof Setup['steps'], Key, Key, string | null])[] = [
  ['owner', 'setup.owner', 'setup.owner_hint', null],
  ['upstream', 'setup.upstream', 'setup.upstream_hint', null],
  ['key', 'setup.key', 'setup.key_hint', '/keys'],
  ['answers', 'setup.answers', 'setup.answers_hint', '/policy'],
]

export default function SetupPage() {
  const { session } = useSession()
  return session ? <Steps /> : <FirstOwner />
}

function FirstOwner() {
  const { t } = useLanguage()
  const { signIn, look } = useSession()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => { document.title = `${t('setup.title')} · Menshen 门神` }, [t])
  const submit = async (values: { name: string; password: string; token: string }) => {
    setBusy(true)
    setError(null)
    try {
      await request('post', '/console/api/setup/owner', { body: { name: values.name.trim(), password: values.password, token: values.token.trim() }, signingIn: true })
      await signIn({ name: values.name.trim(), password: values.password })
      look()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  return (
    <div className="sign">
      <div className="panel">
        <h1>{t('setup.title')}</h1>
        <p className="quiet gap">{t('setup.about')}</p>
        {error ? <Alert className="gap" type="error" showIcon role="alert" message={sentence(error, t)} /> : null}
        <Form layout="vertical" requiredMark={false} onFinish={submit}>
          <Form.Item name="token" label={t('setup.token')} extra={t('setup.token_hint')} rules={[{ required: true, message: t('setup.token_needed') }]}><Input autoComplete="off" autoFocus /></Form.Item>
          <Form.Item name="name" label={t('sign_in.name')} rules={[{ required: true, message: t('sign_in.name_needed') }]}><Input autoComplete="username" /></Form.Item>
          <Form.Item name="password" label={t('setup.password')} extra={t('setup.password_hint')} rules={[{ required: true, min: 12, message: t('setup.password_needed') }]}><Input type="password" autoComplete="new-password" /></Form.Item>
          <Form.Item name="again" label={t('setup.again')} dependencies={['password']} rules={[{ required: true, message: t('setup.again_needed') }, ({ getFieldValue }) => ({ validator: async (_, value) => { if (value && value !== getFieldValue('password')) throw new Error(t('setup.again_needed')) } })]}><Input type="password" autoComplete="new-password" /></Form.Item>
          <Button type="primary" htmlType="submit" block size="large" loading={busy}>{t('setup.do')}</Button>
        </Form>
      </div>
    </div>
  )
}

function Steps() {
  const { t } = useLanguage()
  const state = useLoaded((signal) => request<Setup>('get', '/console/api/setup', { signal }), [])
  return (
    <Page title={t('setup.steps_title')} about={t('setup.steps_about')}>
      <Panel>
        <Shown of={state}>
          {(setup) => (
            <ol className="steps">
              {STEPS.map(([id, name, hint, to]) => (
                <li key={id}>
                  <Chip tone={setup.steps[id] ? 'good' : 'warn'}>{setup.steps[id] ? t('setup.done') : t('setup.todo')}</Chip>
                  <div><strong>{t(name)}</strong><p className="quiet">{t(hint)} {to && !setup.steps[id] ? <Link to={to}>{t('do.open')}</Link> : null}</p></div>
                </li>
              ))}
            </ol>
          )}
        </Shown>
      </Panel>
    </Page>
  )
}
