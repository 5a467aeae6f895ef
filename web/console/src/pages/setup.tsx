import { Alert, Button, Form, Input } from 'antd'
import { useEffect, useState, type ReactNode } from 'react'
import { Link, useLocation, useNavigate } from 'react-router-dom'
import { call, request } from '../api/client'
import type { Setup } from '../api/contract'
import type { components } from '../api/schema'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { milliseconds } from '../lib/format'
import { ROOMS } from '../rooms'
import { useSession } from '../session'
import { Chip, Copyable, Page, Panel, Problem, sentence, Shown } from '../ui/kit'

type Upstreams = components['schemas']['Upstreams']['upstreams']
type Tried = components['schemas']['UpstreamsTried']

export default function SetupPage() {
  const { session } = useSession()
  return session ? <Steps /> : <FirstOwner />
}

function FirstOwner() {
  const { t } = useLanguage()
  const { signIn, look } = useSession()
  const go = useNavigate()
  // The link of the start-up lines carries the token behind the #, which browsers send to nobody.
  const carried = new URLSearchParams(useLocation().search).get('token') ?? ''
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => { document.title = `${t('setup.title')} · Menshen 门神` }, [t])
  const submit = async (values: { name: string; password: string; token: string }) => {
    setBusy(true)
    setError(null)
    try {
      await request('post', '/console/api/setup/owner', { body: { name: values.name.trim(), password: values.password, token: values.token.trim() }, signingIn: true })
      // The used token leaves the address and the history.
      go('/setup', { replace: true })
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
        <Form layout="vertical" requiredMark={false} onFinish={submit} initialValues={{ token: carried }}>
          <Form.Item name="token" label={t('setup.token')} extra={carried ? t('setup.from_link') : t('setup.token_hint')} rules={[{ required: true, message: t('setup.token_needed') }]}><Input autoComplete="off" autoFocus={carried === ''} /></Form.Item>
          <Form.Item name="name" label={t('sign_in.name')} rules={[{ required: true, message: t('sign_in.name_needed') }]}><Input autoComplete="username" autoFocus={carried !== ''} /></Form.Item>
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
  const answers = ROOMS.some((room) => room.path === '/workbench') ? '/workbench' : '/policy'
  /** A model that was asked and did not answer. */
  const [silent, setSilent] = useState(false)
  return (
    <Page title={t('setup.steps_title')} about={t('setup.steps_about')}>
      <Shown of={state}>
        {({ steps }) => (
          <ol className="steps">
            <Step done={steps.owner} name={t('setup.owner')}><p className="quiet">{t('setup.owner_hint')}</p></Step>
            <Step done={steps.upstream && !silent} name={t('setup.upstream')}><Upstream setSilent={setSilent} /></Step>
            <Step done={steps.key} name={t('setup.key')}><Key done={steps.key} upstream={steps.upstream} reload={state.reload} /></Step>
            <Step done={steps.answers} name={t('setup.answers')}><p className="quiet">{t('setup.answers_hint')} <Link to={answers}>{t('setup.answers_open')}</Link></p></Step>
          </ol>
        )}
      </Shown>
      <p>{t('setup.finish')} <Link to="/try">{t('nav.try')}</Link> · <Link to="/records">{t('nav.records')}</Link></p>
    </Page>
  )
}

function Step(props: { done: boolean; name: string; children: ReactNode }) {
  const { t } = useLanguage()
  return <li><Panel title={props.name} actions={<Chip tone={props.done ? 'good' : 'warn'}>{props.done ? t('setup.done') : t('setup.todo')}</Chip>}>{props.children}</Panel></li>
}

function Upstream(props: { setSilent: (silent: boolean) => void }) {
  const loaded = useLoaded((signal) => call('get', '/console/api/upstreams', { signal }), [])
  return <Shown of={loaded}>{({ upstreams }) => (upstreams.length === 0 ? <NoUpstream /> : <Configured upstreams={upstreams} setSilent={props.setSilent} />)}</Shown>
}

function NoUpstream() {
  const { t } = useLanguage()
  return (
    <>
      <p>{t('setup.upstream_none')}</p>
      <h3>{t('setup.upstream_env')}</h3>
      <Copyable label={t('setup.upstream_env')} text="MENSHEN_UPSTREAM=http://127.0.0.1:8000/v1 MENSHEN_UPSTREAM_KEY=sk-… menshen serve" />
      <h3>{t('setup.upstream_file')}</h3>
      <Copyable label={t('setup.upstream_file')} text={'[[upstream]]\nurl = "http://127.0.0.1:8000/v1"\nkey_env = "MODEL_KEY"'} />
    </>
  )
}

function Configured(props: { upstreams: Upstreams; setSilent: (silent: boolean) => void }) {
  const { t } = useLanguage()
  const [tried, setTried] = useState<Tried | null>(null)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const test = async () => {
    setBusy(true)
    setError(null)
    try {
      const said = await call('post', '/console/api/upstreams/test')
      setTried(said)
      props.setSilent(said.upstreams.some((one) => !one.reached && !one.answered))
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  return (
    <>
      <ul className="finding-list">
        {props.upstreams.map((one, i) => {
          const said = tried?.upstreams[i]
          return (
            <li key={one.url}>
              <code className="break">{one.url}</code> <span className="quiet">{one.key ? t('setup.upstream_key') : t('setup.upstream_no_key')}{one.models.length > 0 ? ` · ${one.models.join(', ')}` : ''}</span>
              {said ? (
                <div role="status">
                  {said.reached ? <><Chip tone="good">{t('setup.upstream_ok', { n: said.of })}</Chip> <span className="quiet break">{said.models.slice(0, 8).join(', ')} · {milliseconds(tried?.took_ms)}</span></> : <><Chip tone={said.answered ? 'warn' : 'bad'}>{t(said.answered ? 'setup.upstream_unlisted' : 'setup.upstream_bad')}</Chip> {said.problem} <span className="quiet">{t(said.answered ? 'setup.upstream_unlisted_hint' : 'setup.upstream_bad_hint')}</span></>}
                </div>
              ) : null}
            </li>
          )
        })}
      </ul>
      <Problem error={error} />
      <div className="row top-gap"><Button loading={busy} onClick={() => void test()}>{t('setup.upstream_test')}</Button></div>
      <p className="quiet top-gap">{t('setup.upstream_change')}</p>
    </>
  )
}

function Key(props: { done: boolean; upstream: boolean; reload: () => void }) {
  const { t } = useLanguage()
  const [made, setMade] = useState<{ key: string; model: string } | null>(null)
  /** Where no list of models is to be had, its name is asked for. */
  const [named, setNamed] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const make = async (values: { name: string; app: string }) => {
    setBusy(true)
    setError(null)
    try {
      const key = await call('post', '/admin/keys', { body: { name: values.name.trim(), app: values.app.trim(), scopes: ['infer'] } })
      // The line to copy names a model that there is; without an upstream it checks a text instead.
      const models = await request<{ data?: { id?: string }[] }>('get', '/v1/models').catch(() => null)
      setMade({ key: key.key ?? '', model: models?.data?.[0]?.id ?? '' })
      props.reload()
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  if (made) {
    const model = made.model || named.trim()
    const said = model === '' ? ['/v1/guard', { text: '感冒了吃什么药好' }] as const : ['/v1/chat/completions', { model, messages: [{ role: 'user', content: '感冒了吃什么药好' }] }] as const
    return (
      <>
        <Alert type="warning" showIcon className="gap" message={t('keys.once')} />
        <Copyable text={made.key} label={t('keys.secret')} />
        <h3>{t('setup.key_curl')}</h3>
        {props.upstream && made.model === '' ? <div className="field gap"><label htmlFor="setup-model">{t('setup.key_model')}</label><Input id="setup-model" autoComplete="off" maxLength={200} value={named} onChange={(e) => setNamed(e.target.value.replace(/'/g, ''))} /></div> : null}
        <Copyable label={t('setup.key_curl')} text={`curl -s ${window.location.origin}${said[0]} -H 'authorization: Bearer ${made.key}' -H 'content-type: application/json' -d '${JSON.stringify(said[1])}'`} />
        <div className="row top-gap"><Button type="primary" onClick={() => setMade(null)}>{t('keys.kept')}</Button></div>
      </>
    )
  }
  return (
    <>
      <p className="quiet">{t('setup.key_hint')} {props.done ? <Link to="/keys">{t('setup.key_more')}</Link> : t('setup.key_auth')}</p>
      <Problem error={error} />
      <Form layout="vertical" requiredMark={false} onFinish={(v: { name: string; app: string }) => void make(v)} initialValues={{ app: 'default' }}>
        <div className="form-two">
          <Form.Item name="name" label={t('setup.key_name')} rules={[{ required: true, message: t('form.needed') }]}><Input autoComplete="off" maxLength={100} /></Form.Item>
          <Form.Item name="app" label={t('setup.key_app')} rules={[{ required: true, message: t('form.needed') }, { pattern: /^[A-Za-z0-9._-]{1,64}$/, message: t('setup.key_app_form') }]}><Input autoComplete="off" maxLength={64} /></Form.Item>
        </div>
        <Button htmlType="submit" loading={busy}>{t('setup.key_make')}</Button>
      </Form>
    </>
  )
}
