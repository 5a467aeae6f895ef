import { App, Button } from 'antd'
import { useState } from 'react'
import { request } from '../api/client'
import type { Channel, Notifications, Sent } from '../api/incidents'
import { useLanguage, word } from '../i18n'
import { useLoaded } from '../lib/async'
import { count, moment } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown } from '../ui/kit'

export default function Channels() {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [testing, setTesting] = useState<string | null>(null)
  const loaded = useLoaded((signal) => request<Notifications>('get', '/admin/notifications', { signal }), [], 15_000)
  const test = async (name: string) => {
    setTesting(name)
    try {
      const said = await request<{ sent: boolean; problem: string | null }>('post', '/admin/notifications/test', { body: { channel: name } })
      if (said.sent) void message.success(t('notifications.ok', { name }))
      else void message.error(t('notifications.failed', { name, problem: said.problem ?? '' }), 8)
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setTesting(null)
  }
  const retry = async (id: string) => {
    try { await request('post', '/admin/notifications/retry', { body: { message: id } }); loaded.reload() } catch (e) { void message.error(sentence(e, t)) }
  }
  return (
    <Page title={t('nav.notifications')} about={t('notifications.about')} actions={<Button onClick={loaded.reload}>{t('do.refresh')}</Button>}>
      <Shown of={loaded}>
        {(data) => (
          <>
            <Panel title={t('notifications.channels')}>
              <DataTable<Channel> label={t('notifications.channels')} rows={data.channels} id={(c) => c.name} empty={<Nothing title={t('notifications.none')} hint={t('notifications.none_hint')} />} columns={[
                { key: 'name', title: t('field.name'), keep: true, show: (c) => <strong>{c.name}</strong> },
                { key: 'kind', title: t('notifications.kind'), show: (c) => word(t, 'channel_kind', c.kind) },
                { key: 'topics', title: t('notifications.topics'), show: (c) => (c.topics.length === 0 ? t('notifications.all') : c.topics.join(', ')) },
                { key: 'tenant', title: t('field.tenant'), show: (c) => c.tenant ?? t('notifications.all') },
                { key: 'signed', title: t('notifications.signed'), show: (c) => <Chip tone={c.signed ? 'good' : 'calm'}>{t(c.signed ? 'yes' : 'no')}</Chip> },
                { key: 'do', title: t('field.do'), show: (c) => <Button size="small" loading={testing === c.name} onClick={() => void test(c.name)}>{t('notifications.test')}</Button> },
              ]} />
            </Panel>
            <Panel title={t('notifications.outbox')}>
              <DataTable<Sent> label={t('notifications.outbox')} rows={data.messages} id={(m) => m.id} empty={<Nothing title={t('notifications.empty')} />} columns={[
                { key: 'at', title: t('field.at'), show: (m) => moment(m.created, lang) },
                { key: 'channel', title: t('notifications.channel'), show: (m) => m.channel },
                { key: 'message', title: t('notifications.message'), wide: true, keep: true, show: (m) => m.title },
                { key: 'state', title: t('field.state'), show: (m) => <Chip tone={m.state === 'sent' ? 'good' : m.state === 'dead' ? 'bad' : 'warn'}>{word(t, 'message_state', m.state)}</Chip> },
                { key: 'attempts', title: t('notifications.attempts'), end: true, show: (m) => count(m.attempts, lang) },
                { key: 'problem', title: t('notifications.problem'), show: (m) => <span className="break">{m.problem ?? '–'}</span> },
                { key: 'do', title: t('field.do'), show: (m) => (m.state === 'dead' ? <Button size="small" onClick={() => void retry(m.id)}>{t('notifications.retry')}</Button> : <span className="quiet">–</span>) },
              ]} />
            </Panel>
          </>
        )}
      </Shown>
    </Page>
  )
}
