import { ReloadOutlined } from '@ant-design/icons'
import { App, Button } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router-dom'
import { call } from '../api/client'
import type { components } from '../api/schema'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { count } from '../lib/format'
import { Chip, DataTable, Nothing, Page, Panel, sentence, Shown, Tile } from '../ui/kit'

type Packs = components['schemas']['Packs']

export default function Policy() {
  const { t, lang } = useLanguage()
  const { message } = App.useApp()
  const [busy, setBusy] = useState(false)
  const loaded = useLoaded((signal) => call('get', '/admin/packs', { signal }), [])
  const again = async () => {
    setBusy(true)
    try {
      const packs: Packs = await call('post', '/admin/reload')
      if ((packs.errors ?? 0) > 0) void message.warning(t('policy.reloaded_with', { errors: packs.errors ?? 0 }))
      else void message.success(t('policy.reloaded'))
      loaded.reload()
    } catch (e) {
      void message.error(sentence(e, t))
    }
    setBusy(false)
  }
  return (
    <Page title={t('nav.policy')} about={t('policy.about')} actions={<><Link className="button-link" to="/workbench">{t('nav.workbench')}</Link><Button icon={<ReloadOutlined />} loading={busy} onClick={() => void again()}>{t('policy.reload')}</Button></>}>
      <Shown of={loaded}>
        {(packs) => (
          <>
            <div className="tiles">
              <Tile name={t('policy.rules')} value={count(packs.rules, lang)} />
              <Tile name={t('policy.principles')} value={count(packs.principles, lang)} />
              <Tile name={t('policy.answers')} value={count(packs.answers, lang)} />
              <Tile name={t('policy.keywords')} value={count(packs.keywords, lang)} />
              <Tile name={t('policy.patterns')} value={count(packs.patterns, lang)} />
            </div>
            <div className="grid two">
              <Panel title={t('policy.in_force')}>
                <DataTable label={t('policy.in_force')} rows={Object.entries(packs.packs ?? {}) as [string, { version?: string }][]} id={([name]) => name} empty={<Nothing title={t('policy.no_packs')} hint={t('policy.no_packs_hint')} />} columns={[
                  { key: 'name', title: t('policy.pack'), show: ([name]) => <code>{name}</code> },
                  { key: 'version', title: t('policy.version'), show: ([, version]) => version.version ?? '–' },
                ]} />
                <p className="quiet top-gap">{t('policy.engine')} <code className="break">{packs.engine}</code></p>
              </Panel>
              <Panel title={t('policy.diagnostics')} actions={(packs.errors ?? 0) > 0 ? <Chip tone="bad">{t('policy.errors', { errors: packs.errors ?? 0 })}</Chip> : <Chip tone="good">{t('policy.no_errors')}</Chip>}>
                {packs.diagnostics?.length ? <ul className="finding-list">{packs.diagnostics.map((line, i) => <li key={i}><code>{line}</code></li>)}</ul> : <Nothing title={t('policy.no_diagnostics')} hint={t('policy.no_diagnostics_hint')} />}
              </Panel>
            </div>
          </>
        )}
      </Shown>
    </Page>
  )
}
