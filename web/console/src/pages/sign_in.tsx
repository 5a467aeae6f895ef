import { Alert, Button, Divider, Form, Input, Segmented } from 'antd'
import { useEffect, useState } from 'react'
import { ApiError } from '../api/client'
import { able, askKey, needed, type Factor, type Needed } from '../api/factors'
import { ending, leave, type Ending } from '../api/signon'
import { useLanguage, word } from '../i18n'
import { useSession } from '../session'
import { sentence } from '../ui/kit'

interface Values { name?: string; password?: string; code?: string; recovery?: string; key?: string }

/** What an error asks for, if it asks for a second factor. */
const asked = (error: unknown): Needed | null => (error instanceof ApiError && error.code === 'second_factor_needed' ? needed(error.secondFactor) : null)

export default function SignIn() {
  const { t } = useLanguage()
  const { signIn, problem, look, setup } = useSession()
  const [how, setHow] = useState<'account' | 'key'>('account')
  const [second, setSecond] = useState<Needed | null>(null)
  const [factor, setFactor] = useState<Factor | null>(null)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [ended, setEnded] = useState<Ending | null>(ending)
  useEffect(() => { document.title = `${t('sign_in.title')} · Menshen 门神` }, [t])

  // A key that this browser cannot ask is no choice.
  const choices = (one: Needed): Factor[] => one.factors.filter((f) => f !== 'webauthn' || able())
  const forget = () => { setError(null); setSecond(null); setFactor(null) }

  /** A question is good once: the next try is asked anew. */
  const question = async (account: Values) => {
    if (second?.webauthn) { setSecond({ ...second, webauthn: null }); return second.webauthn }
    try { await signIn(account as Record<string, unknown>) } catch (e) { const one = asked(e); if (one?.webauthn) return one.webauthn; throw e }
    return null
  }

  const submit = async (values: Values) => {
    setBusy(true)
    setError(null)
    setEnded(null)
    const account = { name: (values.name ?? '').trim(), password: values.password ?? '' }
    try {
      if (how === 'key') await signIn({ key: (values.key ?? '').trim() })
      else if (factor === 'webauthn') {
        const options = await question(account)
        if (options) await signIn({ ...account, assertion: await askKey(options) })
      } else if (factor === 'recovery') await signIn({ ...account, recovery: (values.recovery ?? '').trim() })
      else await signIn({ ...account, ...(factor === 'totp' && values.code ? { code: values.code.replace(/\s/g, '') } : {}) })
    } catch (e) {
      setBusy(false)
      const one = asked(e)
      if (one) { setSecond(one); setFactor((now) => (now && choices(one).includes(now) ? now : (choices(one)[0] ?? null))); return }
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
  const said = shown instanceof DOMException ? t('factor.not_answered') : shown instanceof ApiError && shown.status === 401 ? t('sign_in.wrong') : shown ? sentence(shown, t) : null
  const ways = second ? choices(second) : []
  return (
    <div className="sign">
      <div className="panel">
        <h1 className="gap">{t('sign_in.title')}</h1>
        <Segmented block className="gap" aria-label={t('sign_in.how')} value={how} onChange={(v) => { setHow(v as 'account' | 'key'); forget() }} options={[{ value: 'account', label: t('sign_in.account') }, { value: 'key', label: t('sign_in.key') }]} />
        {said ? <Alert className="gap" type="error" showIcon role="alert" message={said} action={problem && !error ? <Button size="small" onClick={look}>{t('do.retry')}</Button> : undefined} /> : null}
        {ended ? <Alert className="gap" type="error" showIcon role="alert" message={word(t, 'sign_on', ended)} /> : null}
        <Form layout="vertical" requiredMark={false} onFinish={submit} key={how}>
          {how === 'account' ? (
            <>
              <Form.Item name="name" label={t('sign_in.name')} rules={[{ required: true, message: t('sign_in.name_needed') }]}><Input autoComplete="username" autoFocus /></Form.Item>
              <Form.Item name="password" label={t('sign_in.password')} rules={[{ required: true, message: t('sign_in.password_needed') }]}><Input type="password" autoComplete="current-password" /></Form.Item>
              {second && second.elsewhere.length > 0 && !ways.includes('webauthn') ? <Alert className="gap" type="warning" showIcon role="alert" message={t('factor.elsewhere', { hosts: second.elsewhere.join(', ') })} /> : null}
              {second && ways.length === 0 ? <Alert className="gap" type="error" showIcon role="alert" message={t('factor.none')} /> : null}
              {ways.length > 1 ? <Segmented block className="gap" aria-label={t('factor.how')} value={factor ?? ''} onChange={(v) => { setFactor(v as Factor); setError(null) }} options={ways.map((one) => ({ value: one, label: word(t, 'factor', one) }))} /> : null}
              {factor === 'totp' ? <Form.Item name="code" label={t('sign_in.code')} extra={t('sign_in.code_hint')} rules={[{ required: true, pattern: /^\s*(\d\s*){6}$/, message: t('sign_in.code_needed') }]}><Input inputMode="numeric" autoComplete="one-time-code" autoFocus /></Form.Item> : null}
              {factor === 'recovery' ? <Form.Item name="recovery" label={t('factor.recovery_code')} extra={t('factor.recovery_hint')} rules={[{ required: true, whitespace: true, message: t('factor.recovery_needed') }]}><Input autoComplete="off" autoCapitalize="none" spellCheck={false} autoFocus /></Form.Item> : null}
              {factor === 'webauthn' ? <p className="quiet">{t('factor.webauthn_hint')}</p> : null}
            </>
          ) : (
            <Form.Item name="key" label={t('sign_in.key')} extra={t('sign_in.key_hint')} rules={[{ required: true, message: t('sign_in.key_needed') }]}><Input type="password" autoComplete="off" autoFocus placeholder="msk_…" /></Form.Item>
          )}
          <Button type="primary" htmlType="submit" block size="large" loading={busy}>{factor === 'webauthn' ? t('factor.webauthn_do') : t('sign_in.do')}</Button>
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
