import { App, Button, Checkbox, Form, Input, Modal } from 'antd'
import { useState } from 'react'
import { useNavigate } from 'react-router-dom'
import { request } from '../api/client'
import { ROLES, type Person, type Role, type SignedIn } from '../api/contract'
import { endSessions } from '../api/signon'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment } from '../lib/format'
import { useSession } from '../session'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'

interface Fields { name: string; display?: string; password?: string; tenant?: string; roles?: Role[] }

export default function People() {
  const { t, lang } = useLanguage()
  const { session } = useSession()
  const { message, modal } = App.useApp()
  const [editing, setEditing] = useState<Person | 'new' | null>(null)
  const [password, setPassword] = useState<Person | null>(null)
  const go = useNavigate()
  const people = useLoaded((signal) => request<{ people: Person[] } | Person[]>('get', '/admin/people', { signal }), [])
  const sessions = useLoaded((signal) => request<{ sessions: SignedIn[] } | SignedIn[]>('get', '/admin/sessions', { signal }), [])
  const attempt = async (work: () => Promise<unknown>) => {
    try { await work(); people.reload(); sessions.reload() } catch (e) { void message.error(sentence(e, t)) }
  }
  const ask = (title: string, about: string, ok: string, work: () => Promise<unknown>) => modal.confirm({ title, content: about, okText: ok, cancelText: t('do.cancel'), okButtonProps: { danger: true }, onOk: () => attempt(work) })
  const ends = async (person: string) => { const { ended } = await endSessions(person); void message.success(t('sign_on.ended', { count: ended })) }
  return (
    <Page title={t('nav.people')} about={t('people.about')} actions={<><Button onClick={() => void go('/account')}>{t('account.open')}</Button><Button type="primary" onClick={() => setEditing('new')}>{t('people.new')}</Button></>}>
      <Panel title={t('people.accounts')}>
        <Shown of={people}>
          {(data) => (
            <DataTable label={t('people.accounts')} rows={Array.isArray(data) ? data : data.people} id={(p) => p.id} empty={<Nothing title={t('people.nothing')} />} columns={[
              { key: 'name', title: t('field.name'), wide: true, show: (p) => <><strong>{p.display || p.name}</strong><div className="quiet">{p.name}{p.sign_on ? <> <Chip tone="info">{t('sign_on.here')}</Chip></> : null}</div></> },
              { key: 'roles', title: t('people.roles'), show: (p) => <span className="row">{p.roles.map((r) => <Chip key={r} tone={r === 'owner' ? 'info' : 'calm'}>{word(t, 'role', r)}</Chip>)}</span> },
              { key: 'tenant', title: t('field.tenant'), show: (p) => p.tenant ?? t('people.all_tenants') },
              { key: 'totp', title: t('people.second'), show: (p) => <span className="row">{p.totp ? <Chip tone="good">{t('factor.totp')}</Chip> : null}{p.security_keys ? <Chip tone="good">{t('factor.webauthn')} × {p.security_keys}</Chip> : null}{p.totp || p.security_keys ? null : <Chip tone="warn">{t('no')}</Chip>}</span> },
              { key: 'state', title: t('field.state'), show: (p) => <Chip tone={p.disabled ? 'bad' : 'good'}>{t(p.disabled ? 'people.disabled' : 'people.enabled')}</Chip> },
              { key: 'seen', title: t('people.seen'), show: (p) => moment(p.last_seen, lang) },
              { key: 'do', title: t('field.do'), show: (p) => (
                <span className="row">
                  <Button size="small" onClick={() => setEditing(p)}>{t('do.edit')}</Button>
                  <Button size="small" onClick={() => setPassword(p)}>{t('people.password')}</Button>
                  <Button size="small" disabled={p.name === session?.name} onClick={() => void attempt(() => request('patch', `/admin/people/${encodeURIComponent(p.id)}`, { body: { disabled: !p.disabled } }))}>{t(p.disabled ? 'people.enable' : 'people.disable')}</Button>
                  <Button size="small" disabled={p.name === session?.name} onClick={() => ask(t('sign_on.end_all_title', { name: p.name }), t('people.end_about', { name: p.name }), t('people.end'), () => ends(p.id))}>{t('sign_on.end_all')}</Button>
                  {p.totp || p.security_keys ? <Button size="small" disabled={p.name === session?.name} onClick={() => ask(t('factor.reset_title', { name: p.name }), t('factor.reset_about'), t('factor.reset'), () => request('patch', `/admin/people/${encodeURIComponent(p.id)}`, { body: { second_factor: false } }))}>{t('factor.reset')}</Button> : null}
                  <Button size="small" danger disabled={p.name === session?.name} onClick={() => ask(t('people.remove_title', { name: p.name }), t('people.remove_about'), t('do.remove'), () => request('delete', `/admin/people/${encodeURIComponent(p.id)}`))}>{t('do.remove')}</Button>
                </span>
              ) },
            ]} />
          )}
        </Shown>
      </Panel>
      <Panel title={t('people.sessions')} actions={<Button size="small" danger onClick={() => ask(t('sign_on.end_others'), t('sign_on.end_others_about'), t('people.end'), () => ends('me'))}>{t('sign_on.end_others')}</Button>}>
        <Shown of={sessions}>
          {(data) => (
            <DataTable label={t('people.sessions')} rows={Array.isArray(data) ? data : data.sessions} id={(s) => s.id} empty={<Nothing title={t('people.no_sessions')} />} columns={[
              { key: 'name', title: t('field.name'), show: (s) => <>{s.name} {s.current ? <Chip tone="info">{t('people.this')}</Chip> : null}</> },
              { key: 'agent', title: t('people.agent'), wide: true, show: (s) => <span className="break">{s.agent ?? '–'}</span> },
              { key: 'since', title: t('field.created'), show: (s) => moment(s.created, lang) },
              { key: 'seen', title: t('people.seen'), show: (s) => moment(s.last_used, lang) },
              { key: 'do', title: t('field.do'), show: (s) => <Button size="small" danger disabled={s.current ?? false} onClick={() => ask(t('people.end_title'), t('people.end_about', { name: s.name }), t('people.end'), () => request('delete', `/admin/sessions/${encodeURIComponent(s.id)}`))}>{t('people.end')}</Button> },
            ]} />
          )}
        </Shown>
      </Panel>
      {editing ? <Edit person={editing === 'new' ? null : editing} onClose={() => setEditing(null)} onDone={() => { setEditing(null); people.reload() }} /> : null}
      {password ? <Password person={password} onClose={() => setPassword(null)} /> : null}
    </Page>
  )
}

function Edit(props: { person: Person | null; onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const { person } = props
  const [busy, setBusy] = useState(false)
  const [form] = Form.useForm<Fields>()
  const save = async (v: Fields) => {
    setBusy(true)
    try {
      const body = { display: v.display?.trim() ?? '', roles: v.roles ?? [], tenant: v.tenant?.trim() || null }
      if (person) await request('patch', `/admin/people/${encodeURIComponent(person.id)}`, { body })
      else await request('post', '/admin/people', { body: { ...body, name: v.name.trim(), password: v.password ?? '' } })
      props.onDone()
    } catch (e) {
      void message.error(sentence(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={person ? t('people.edit', { name: person.name }) : t('people.new')} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')} confirmLoading={busy}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ name: person?.name, display: person?.display, tenant: person?.tenant ?? '', roles: person?.roles ?? ['auditor'] }}>
        <Form.Item name="name" label={t('sign_in.name')} rules={[{ required: true, message: t('form.needed') }]}><Input disabled={person !== null} autoComplete="off" /></Form.Item>
        <Form.Item name="display" label={t('people.display')}><Input autoComplete="off" /></Form.Item>
        {person ? null : <Form.Item name="password" label={t('people.first_password')} extra={t('setup.password_hint')} rules={[{ required: true, min: 12, message: t('setup.password_needed') }]}><Input type="password" autoComplete="new-password" /></Form.Item>}
        <Form.Item name="tenant" label={t('field.tenant')} extra={t('people.tenant_hint')}><Input autoComplete="off" /></Form.Item>
        <Form.Item name="roles" label={t('people.roles')} rules={[{ required: true, message: t('people.role_needed') }]}><Checkbox.Group className="roles" options={ROLES.map((r) => ({ value: r, label: word(t, 'role', r) }))} /></Form.Item>
      </Form>
    </Modal>
  )
}

function Password(props: { person: Person; onClose: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [form] = Form.useForm<{ password: string }>()
  const save = async (v: { password: string }) => {
    try {
      await request('post', `/admin/people/${encodeURIComponent(props.person.id)}/password`, { body: { password: v.password } })
      void message.success(t('people.password_done'))
      props.onClose()
    } catch (e) {
      void message.error(sentence(e, t))
    }
  }
  return (
    <Modal open title={t('people.password_of', { name: props.person.name })} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)}>
        <Form.Item name="password" label={t('setup.password')} extra={t('setup.password_hint')} rules={[{ required: true, min: 12, message: t('setup.password_needed') }]}><Input type="password" autoComplete="new-password" autoFocus /></Form.Item>
      </Form>
    </Modal>
  )
}
