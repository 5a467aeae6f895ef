import { Alert, App, Button, Form, Input, Modal } from 'antd'
import { useState, type ReactNode } from 'react'
import { ApiError } from '../api/client'
import { able, addKey, beginTotp, byAddress, confirmTotp, factors, makeCodes, removeKey, removeTotp, renameKey, type OwnFactors, type SecurityKey } from '../api/factors'
import { useLanguage, type Translate } from '../i18n'
import { useLoaded } from '../lib/async'
import { moment } from '../lib/format'
import { useSession } from '../session'
import { Chip, Copyable, DataTable, Facts, Foreign, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'

/** What is done once the password is shown again. */
interface Wish { title: string; about: string; ok: string; named?: boolean; danger?: boolean; act: (current: string, name: string) => Promise<void> }

/** Fewer left than this, and it is time for new ones. */
const FEW = 3

function told(error: unknown, t: Translate): string {
  if (error instanceof ApiError && error.status === 403 && error.param === 'current') return t('account.wrong')
  // The browser's own words are of no language in particular, and say nothing of why.
  if (error instanceof DOMException) return t('account.not_made')
  return sentence(error, t)
}

export default function Account() {
  const { t } = useLanguage()
  const { session } = useSession()
  if (!session?.id) return <Page title={t('account.title')} about={t('account.about')}><Alert type="info" showIcon message={t('account.no_account')} /></Page>
  return <Own name={session.name} />
}

function Own(props: { name: string }) {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [wish, setWish] = useState<Wish | null>(null)
  const [renaming, setRenaming] = useState<SecurityKey | null>(null)
  const [enrolling, setEnrolling] = useState(false)
  const [codes, setCodes] = useState<string[] | null>(null)
  const loaded = useLoaded((signal) => factors(signal), [])
  const done = (text: string) => { void message.success(text); loaded.reload() }
  const removing = (title: string, act: (current: string) => Promise<void>): Wish => ({ title, about: t('account.remove_about'), ok: t('do.remove'), danger: true, act })
  const add = (): Wish => ({ title: t('account.key_add'), about: t('account.current_about'), ok: t('account.key_add'), named: true, act: async (current, name) => { await addKey(name, current); done(t('account.key_added')) } })
  const make = (): Wish => ({ title: t('account.codes_make'), about: t('account.codes_make_about'), ok: t('account.codes_make'), act: async (current) => { setCodes((await makeCodes(current)).codes); loaded.reload() } })
  const app = (data: OwnFactors) => (data.totp
    ? <Button size="small" danger onClick={() => setWish(removing(t('account.app_remove'), async (current) => { await removeTotp(current); done(t('account.app_removed')) }))}>{t('account.app_remove')}</Button>
    : <Button size="small" onClick={() => setEnrolling(true)}>{t('account.app_add')}</Button>)
  return (
    <Page title={t('account.title')} about={t('account.about')}>
      <Shown of={loaded}>
        {(data) => {
          const usable = able() && data.host !== null
          const beside = data.totp || data.security_keys.length > 0
          const { left, made } = data.recovery_codes
          return (
            <>
              <Panel title={t('account.keys')} actions={<Button size="small" type="primary" disabled={!usable} onClick={() => setWish(add())}>{t('account.key_add')}</Button>}>
                <p>{t('account.keys_about')}</p>
                {usable ? null : <Alert className="gap" type="warning" showIcon message={byAddress() ? t('account.by_address', { local: `http://localhost:${window.location.port || '80'}/console/` }) : t('account.unable')} />}
                <DataTable label={t('account.keys')} rows={data.security_keys} id={(k) => k.id} empty={<Nothing title={t('account.keys_none')} hint={t('account.keys_none_hint')} />} columns={[
                  { key: 'name', title: t('account.key_name'), wide: true, show: (k) => <strong>{k.name}</strong> },
                  { key: 'host', title: t('account.key_host'), show: (k) => <>{k.host} {k.here ? null : <Chip tone="warn">{t('account.key_elsewhere')}</Chip>}</> },
                  { key: 'created', title: t('field.created'), show: (k) => moment(k.created, lang) },
                  { key: 'used', title: t('account.key_used'), show: (k) => (k.last_used ? moment(k.last_used, lang) : t('account.key_never')) },
                  { key: 'do', title: t('field.do'), show: (k) => (
                    <span className="row">
                      <Button size="small" onClick={() => setRenaming(k)}>{t('account.key_rename')}</Button>
                      <Button size="small" danger onClick={() => setWish(removing(t('account.key_remove_of', { name: k.name }), async (current) => { await removeKey(k.id, current); done(t('account.key_removed')) }))}>{t('do.remove')}</Button>
                    </span>
                  ) },
                ]} />
              </Panel>
              <Panel title={t('account.app')} actions={app(data)}>
                <Chip tone={data.totp ? 'good' : 'calm'}>{t(data.totp ? 'account.app_on' : 'account.app_off')}</Chip>
              </Panel>
              <Panel title={t('account.codes')} actions={<Button size="small" disabled={!beside} onClick={() => setWish(make())}>{t('account.codes_make')}</Button>}>
                <p>{t('account.codes_about')}</p>
                <p data-testid="codes-left">{!beside ? t('account.codes_beside') : left === 0 ? t('account.codes_none') : t('account.codes_left', { left, made: moment(made, lang) })}</p>
                {beside && left > 0 && left < FEW ? <Alert type="warning" showIcon message={t('account.codes_few')} /> : null}
              </Panel>
            </>
          )
        }}
      </Shown>
      {wish ? <Ask wish={wish} onClose={() => setWish(null)} /> : null}
      {renaming ? <Rename of={renaming} onClose={() => setRenaming(null)} onDone={() => { setRenaming(null); loaded.reload() }} /> : null}
      {enrolling ? <Enrol onClose={() => { setEnrolling(false); loaded.reload() }} /> : null}
      {codes ? <Codes codes={codes} name={props.name} onClose={() => setCodes(null)} /> : null}
    </Page>
  )
}

function Problem(props: { said: string | null }): ReactNode {
  return props.said === null ? null : <Alert className="gap" type="error" showIcon role="alert" message={props.said} />
}

function Ask(props: { wish: Wish; onClose: () => void }) {
  const { t } = useLanguage()
  const { wish } = props
  const [busy, setBusy] = useState(false)
  const [said, setSaid] = useState<string | null>(null)
  const [form] = Form.useForm<{ current: string; name?: string }>()
  const go = async (v: { current: string; name?: string }) => {
    setBusy(true)
    setSaid(null)
    try {
      await wish.act(v.current, v.name?.trim() ?? '')
      props.onClose()
    } catch (e) {
      setSaid(told(e, t))
      setBusy(false)
    }
  }
  return (
    <Modal open title={wish.title} onCancel={props.onClose} onOk={() => form.submit()} okText={wish.ok} cancelText={t('do.cancel')} confirmLoading={busy} okButtonProps={{ danger: wish.danger ?? false }}>
      <p>{wish.about}</p>
      <Problem said={said} />
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void go(v)}>
        {wish.named ? <Form.Item name="name" label={t('account.key_name')} extra={t('account.key_name_hint')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input autoComplete="off" maxLength={64} autoFocus /></Form.Item> : null}
        <Form.Item name="current" label={t('account.current')} rules={[{ required: true, message: t('account.current_needed') }]}><Input type="password" autoComplete="current-password" autoFocus={!wish.named} /></Form.Item>
      </Form>
    </Modal>
  )
}

function Rename(props: { of: SecurityKey; onClose: () => void; onDone: () => void }) {
  const { t } = useLanguage()
  const [said, setSaid] = useState<string | null>(null)
  const [form] = Form.useForm<{ name: string }>()
  const save = async (v: { name: string }) => {
    try { await renameKey(props.of.id, v.name.trim()); props.onDone() } catch (e) { setSaid(told(e, t)) }
  }
  return (
    <Modal open title={t('account.key_rename_of', { name: props.of.name })} onCancel={props.onClose} onOk={() => form.submit()} okText={t('do.save')} cancelText={t('do.cancel')}>
      <Problem said={said} />
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(v) => void save(v)} initialValues={{ name: props.of.name }}>
        <Form.Item name="name" label={t('account.key_name')} rules={[{ required: true, whitespace: true, message: t('form.needed') }]}><Input autoComplete="off" maxLength={64} autoFocus /></Form.Item>
      </Form>
    </Modal>
  )
}

function Enrol(props: { onClose: () => void }) {
  const { t } = useLanguage()
  const { message } = App.useApp()
  const [code, setCode] = useState('')
  const [said, setSaid] = useState<string | null>(null)
  const made = useLoaded((signal) => beginTotp(signal), [])
  const confirm = async () => {
    try {
      await confirmTotp(code.replace(/\s/g, ''))
      void message.success(t('people.totp_done'))
      props.onClose()
    } catch (e) {
      setSaid(told(e, t))
    }
  }
  return (
    <Modal open title={t('account.app_add')} onCancel={props.onClose} onOk={() => void confirm()} okText={t('people.totp_confirm')} cancelText={t('do.cancel')} okButtonProps={{ disabled: !/^\s*(\d\s*){6}$/.test(code) }}>
      <p>{t('people.totp_about')}</p>
      <Problem said={said} />
      <Shown of={made}>{(m) => <Facts of={[[t('people.totp_secret'), <Foreign key="s" text={m.secret} className="mono" />], [t('people.totp_uri'), <Foreign key="u" text={m.uri} className="mono small" />]]} />}</Shown>
      <div className="field top-gap"><label htmlFor="totp">{t('sign_in.code')}</label><Input id="totp" inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(e) => setCode(e.target.value)} /></div>
    </Modal>
  )
}

/** Not merely hidden when it is closed: the codes leave the page. */
function Codes(props: { codes: string[]; name: string; onClose: () => void }) {
  const { t } = useLanguage()
  const text = props.codes.join('\n')
  const download = () => {
    const head = t('account.codes_file', { name: props.name, host: window.location.host })
    const url = URL.createObjectURL(new Blob([`${head}\n\n${text}\n`], { type: 'text/plain' }))
    const link = document.createElement('a')
    link.href = url
    link.download = 'menshen-recovery-codes.txt'
    link.click()
    URL.revokeObjectURL(url)
  }
  return (
    <Modal open title={t('account.codes_shown')} closable={false} maskClosable={false} keyboard={false} footer={<><Button onClick={download}>{t('account.codes_download')}</Button><Button type="primary" onClick={props.onClose}>{t('account.codes_kept')}</Button></>}>
      <Alert type="warning" showIcon className="gap" message={t('account.codes_once')} />
      <Copyable text={text} label={t('account.codes_shown')} />
    </Modal>
  )
}
