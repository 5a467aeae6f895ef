import { Alert, Button, Divider, Form, Input, Segmented } from 'antd'
import { useEffect, useState } from 'react'
import { ApiError } from '../api/client'
import { ending, leave, type Ending } from '../api/signon'
import { useLanguage, word } from '../i18n'
import { useSession } from '../session'
import { sentence } from '../ui/kit'

export default function SignIn() {
  const { t } = useLanguage()
  const { signIn, problem, look, setup } = useSession()
  const [how, setHow] = useState<'account' | 'key'>('account')
  const [code, setCode] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [ended, setEnded] = useState<Ending | null>(ending)
  useEffect(() => { document.title = `${t('sign_in.title')} · Menshen 门神` }, [t])

  const submit = async (values: { name?: string; password?: string; code?: string; key?: string }) => {
    setBusy(true)
    setError(null)
    setEnded(null)
    try {
      if (how === 'key') await signIn({ key: (values.key ?? '').trim() })
      else await signIn({ name: (values.name ?? '').trim(), password: values.password ?? '', ...(values.code ? { code: values.code.replace(/\s/g, '') } : {}) })
    } catch (e) {
      setBusy(false)
      if (e instanceof ApiError && e.code === 'second_factor_needed') { setCode(true); return }
      setError(e)
    }
  }

  const elsewhere = async () => {
    setBusy(true)
    setError(null)
    setEnded(null)
    try { await leave() } catch (e) { setBusy(false); setError(e) }
  }

  const shown = error ?? problem
  const said = shown instanceof ApiError && shown.status === 401 ? t('sign_in.wrong') : shown ? sentence(shown, t) : null
  return (
    <div className="sign">
      <div className="panel">
        <h1 className="gap">{t('sign_in.title')}</h1>
        <Segmented block className="gap" aria-label={t('sign_in.how')} value={how} onChange={(v) => { setHow(v as 'account' | 'key'); setError(null); setCode(false) }} options={[{ value: 'account', label: t('sign_in.account') }, { value: 'key', label: t('sign_in.key') }]} />
        {said ? <Alert className="gap" type="error" showIcon role="alert" message={said} action={problem && !error ? <Button size="small" onClick={look}>{t('do.retry')}</Button> : undefined} /> : null}
        {ended ? <Alert className="gap" type="error" showIcon role="alert" message={word(t, 'sign_on', ended)} /> : null}
        <Form layout="vertical" requiredMark={false} onFinish={submit} key={how}>
          {how === 'account' ? (
            <>
              <Form.Item name="name" label={t('sign_in.name')} rules={[{ required: true, message: t('sign_in.name_needed') }]}><Input autoComplete="username" autoFocus /></Form.Item>
              <Form.Item name="password" label={t('sign_in.password')} rules={[{ required: true, message: t('sign_in.password_needed') }]}><Input type="password" autoComplete="current-password" /></Form.Item>
              {code ? <Form.Item name="code" label={t('sign_in.code')} extra={t('sign_in.code_hint')} rules={[{ required: true, pattern: /^\s*(\d\s*){6}$/, message: t('sign_in.code_needed') }]}><Input inputMode="numeric" autoComplete="one-time-code" autoFocus /></Form.Item> : null}
            </>
          ) : (
            <Form.Item name="key" label={t('sign_in.key')} extra={t('sign_in.key_hint')} rules={[{ required: true, message: t('sign_in.key_needed') }]}><Input type="password" autoComplete="off" autoFocus placeholder="msk_…" /></Form.Item>
          )}
          <Button type="primary" htmlType="submit" block size="large" loading={busy}>{t('sign_in.do')}</Button>
        </Form>
        {setup?.sign_on ? (
          <>
            <Divider plain>{t('sign_on.or')}</Divider>
            <Button block size="large" disabled={busy} onClick={() => void elsewhere()}>{t('sign_on.do', { title: setup.sign_on.title })}</Button>
          </>
        ) : null}
      </div>
    </div>
  )
}
