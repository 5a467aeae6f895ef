import { ApiOutlined, BulbOutlined, GlobalOutlined, LogoutOutlined, MenuOutlined, MoonOutlined, SafetyOutlined, SunOutlined } from '@ant-design/icons'
import { App, Button, Drawer, Dropdown } from 'antd'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { NavLink, useLocation, useNavigate } from 'react-router-dom'
import type { ThemeChoice } from '../App'
import { useLanguage } from '../i18n'
import { GROUPS, ROOMS } from '../rooms'
import { useSession } from '../session'
import { Boundary } from './boundary'
import { sentence } from './kit'
import type { Mode } from './theme'

function Navigation(props: { onGo?: () => void }) {
  const { t } = useLanguage()
  return (
    <nav aria-label={t('nav.label')} className="nav">
      {GROUPS.map((group) => {
        const links = ROOMS.filter((room) => room.group === group)
        if (links.length === 0) return null
        return (
          <div key={group} className="nav-group">
            <div className="nav-title">{t(`nav.group_${group}`)}</div>
            {links.map(({ path, name, icon }) => <NavLink key={path} to={path} onClick={props.onGo} className={({ isActive }) => (isActive ? 'nav-link on' : 'nav-link')}>{icon}<span>{name ? t(name) : null}</span></NavLink>)}
          </div>
        )
      })}
    </nav>
  )
}

export function Shell(props: { mode: Mode; choice: ThemeChoice; setChoice: (one: ThemeChoice) => void; children: ReactNode }) {
  const { t, lang, setLang } = useLanguage()
  const { session, signOut } = useSession()
  const { message } = App.useApp()
  const [open, setOpen] = useState(false)
  const main = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  const go = useNavigate()
  const first = useRef(true)
  // After a change of page the reader of a screen reader stands at its beginning, as after a page load.
  useEffect(() => {
    if (first.current) { first.current = false; return }
    main.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [pathname])
  const icon = props.choice === 'system' ? <BulbOutlined /> : props.choice === 'dark' ? <MoonOutlined /> : <SunOutlined />
  return (
    <div className={session ? 'shell' : 'shell bare'}>
      <a className="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus() }}>{t('nav.skip')}</a>
      <header className="top">
        {session ? <Button type="text" className="only-narrow" icon={<MenuOutlined />} aria-label={t('nav.open')} onClick={() => setOpen(true)} /> : null}
        <a className="brand" href="#/">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><rect width="32" height="32" rx="6" className="brand-ground" /><path d="M7 27V8h18v19M7 8l9-4 9 4M16 8v19" className="brand-line" /><circle cx="13" cy="18" r="1.6" className="brand-dot" /><circle cx="19" cy="18" r="1.6" className="brand-dot" /></svg>
          <span>Menshen <span lang="zh">门神</span></span>
        </a>
        <div className="top-rest">
          <Button type="text" icon={<GlobalOutlined />} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')} aria-label={t('language.switch')} data-testid="language">{lang === 'zh' ? 'EN' : t('language.zh')}</Button>
          <Dropdown trigger={['click']} menu={{ selectable: true, selectedKeys: [props.choice], items: (['system', 'light', 'dark'] as const).map((key) => ({ key, label: t(`theme.${key}`) })), onClick: ({ key }) => props.setChoice(key as ThemeChoice) }}>
            <Button type="text" icon={icon} aria-label={t('theme.choose')} data-testid="theme" />
          </Dropdown>
          {session ? (
            <Dropdown trigger={['click']} menu={{ items: [{ key: 'who', disabled: true, label: session.name }, { key: 'mine', icon: <SafetyOutlined />, label: t('account.open') }, { key: 'out', icon: <LogoutOutlined />, label: t('session.sign_out') }], onClick: ({ key }) => { if (key === 'mine') void go('/account'); if (key === 'out') signOut().catch((e: unknown) => { void message.error(sentence(e, t)) }) } }}>
              <Button type="text" icon={<ApiOutlined />} aria-label={`${t('session.account')}: ${session.name}`} data-testid="account"><span className="only-wide">{session.name}</span></Button>
            </Dropdown>
          ) : null}
        </div>
      </header>
      {session ? <aside className="side only-wide"><Navigation /></aside> : null}
      {session ? <Drawer open={open} onClose={() => setOpen(false)} placement="left" width={264} title="Menshen 门神" closable={{ 'aria-label': t('do.close') }}><Navigation onGo={() => setOpen(false)} /></Drawer> : null}
      <main id="main" ref={main} tabIndex={-1}><Boundary key={pathname}>{props.children}</Boundary></main>
    </div>
  )
}
