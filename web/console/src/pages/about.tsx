import { Link } from 'react-router-dom'
import { call, request } from '../api/client'
import { useLanguage } from '../i18n'
import { useLoaded } from '../lib/async'
import { count } from '../lib/format'
import { Chip, Facts, Page, Panel, Shown } from '../ui/kit'

export default function About() {
  const { t, lang } = useLanguage()
  const document = useLoaded((signal) => request<{ info?: { version?: string; license?: { name?: string } } }>('get', '/openapi.json', { signal }), [])
  const ready = useLoaded((signal) => call('get', '/readyz', { signal }), [], 30_000)
  const chain = useLoaded((signal) => call('get', '/admin/audit/verify', { signal }), [])
  return (
    <Page title={t('nav.about')} about={t('about.about')}>
      <div className="grid two">
        <Panel title="Menshen 门神">
          <Shown of={document}>{(d) => <Facts of={[[t('about.version'), d.info?.version], [t('about.licence'), d.info?.license?.name]]} />}</Shown>
          <ul className="finding-list"><li><a href="/openapi.json" target="_blank" rel="noopener noreferrer">{t('about.openapi')}</a></li><li><a href="/metrics" target="_blank" rel="noopener noreferrer">{t('about.metrics')}</a></li><li><Link to="/setup">{t('setup.steps_title')}</Link></li></ul>
        </Panel>
        <Panel title={t('about.ready')} actions={ready.data ? <Chip tone={ready.data.status === 'ready' || ready.data.status === 'ok' ? 'good' : 'bad'}>{ready.data.status}</Chip> : null}>
          <Shown of={ready}>{(r) => <Facts of={Object.entries(r.checks ?? {}).map(([name, state]) => [name, String(typeof state === 'object' ? JSON.stringify(state) : state)] as const)} />}</Shown>
        </Panel>
        <Panel title={t('about.chain')} actions={chain.data ? <Chip tone={chain.data.whole ? 'good' : 'bad'}>{t(chain.data.whole ? 'record.whole' : 'record.broken')}</Chip> : null}>
          <p className="quiet">{t('record.chain_about')}</p>
          <Shown of={chain}>{(c) => <Facts of={[[t('about.rows'), count(c.rows, lang)], [t('about.range'), `${c.first ?? '–'} – ${c.last ?? '–'}`], ...(c.broken ? [[t('record.broken'), c.broken] as const] : [])]} />}</Shown>
        </Panel>
      </div>
    </Page>
  )
}
