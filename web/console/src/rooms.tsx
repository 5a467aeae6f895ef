import {
  AlertOutlined, AuditOutlined, BarChartOutlined, BellOutlined, CommentOutlined, DatabaseOutlined, EditOutlined, ExperimentOutlined, FilePdfOutlined,
  FileProtectOutlined, FileSearchOutlined, InfoCircleOutlined, KeyOutlined, LockOutlined, ProfileOutlined, ReadOutlined, SafetyCertificateOutlined, ScheduleOutlined,
  SolutionOutlined, TagOutlined, TeamOutlined, ThunderboltOutlined, UserSwitchOutlined,
} from '@ant-design/icons'
import { lazy, type ComponentType, type LazyExoticComponent, type ReactNode } from 'react'
import type { Key } from './i18n'
import type { Mode } from './ui/theme'

type Page = ComponentType<{ mode: Mode }>

/** A page: where it is, and, if the navigation leads to it, under which group, name and icon. */
export interface Room {
  path: string
  /** Anybody may see it, signed in or not. */
  open?: true
  Page: Page | LazyExoticComponent<Page>
  group?: Group
  name?: Key
  icon?: ReactNode
}

export const GROUPS = ['watch', 'decide', 'govern', 'prove', 'manage'] as const
export type Group = (typeof GROUPS)[number]

/** Every page there is; the navigation and the router are both made from this table. */
export const ROOMS: readonly Room[] = [
  { path: '/try', Page: lazy(() => import('./pages/try_it')), group: 'watch', name: 'nav.try', icon: <ExperimentOutlined /> },
  { path: '/overview', Page: lazy(() => import('./pages/overview')), group: 'watch', name: 'nav.overview', icon: <BarChartOutlined /> },
  { path: '/reports', Page: lazy(() => import('./pages/reports')), group: 'watch', name: 'nav.reports', icon: <FilePdfOutlined /> },
  { path: '/records', Page: lazy(() => import('./pages/records')), group: 'watch', name: 'nav.records', icon: <FileSearchOutlined /> },
  { path: '/records/:id', Page: lazy(() => import('./pages/record')) },
  { path: '/policy', Page: lazy(() => import('./pages/policy')), group: 'decide', name: 'nav.policy', icon: <ReadOutlined /> },
  { path: '/workbench', Page: lazy(() => import('./pages/workbench')), group: 'decide', name: 'nav.workbench', icon: <EditOutlined /> },
  { path: '/workbench/cases', Page: lazy(() => import('./pages/workbench_cases')) },
  { path: '/workbench/history', Page: lazy(() => import('./pages/workbench_history')) },
  { path: '/workbench/:id', Page: lazy(() => import('./pages/workbench_change')) },
  { path: '/reviews', Page: lazy(() => import('./pages/reviews')), group: 'decide', name: 'nav.reviews', icon: <AuditOutlined /> },
  { path: '/cases', Page: lazy(() => import('./pages/cases')), group: 'decide', name: 'nav.cases', icon: <CommentOutlined /> },
  { path: '/cases/:id', Page: lazy(() => import('./pages/case')) },
  { path: '/complain', Page: lazy(() => import('./pages/complain')), open: true },
  { path: '/labels', Page: lazy(() => import('./pages/labels')), group: 'decide', name: 'nav.labels', icon: <TagOutlined /> },
  { path: '/register', Page: lazy(() => import('./pages/register')), group: 'govern', name: 'nav.register', icon: <ProfileOutlined /> },
  { path: '/ethics', Page: lazy(() => import('./pages/register_reviews')), group: 'govern', name: 'nav.ethics', icon: <SolutionOutlined /> },
  { path: '/ethics/:id', Page: lazy(() => import('./pages/register_review')) },
  { path: '/assets', Page: lazy(() => import('./pages/register_assets')), group: 'govern', name: 'nav.assets', icon: <DatabaseOutlined /> },
  { path: '/register/:id', Page: lazy(() => import('./pages/register_app')) },
  { path: '/behaviour', Page: lazy(() => import('./pages/behaviour')), group: 'govern', name: 'nav.behaviour', icon: <AlertOutlined /> },
  { path: '/behaviour/subject', Page: lazy(() => import('./pages/behaviour_subject')) },
  { path: '/users', Page: lazy(() => import('./pages/users')), group: 'govern', name: 'nav.users', icon: <UserSwitchOutlined /> },
  { path: '/incidents', Page: lazy(() => import('./pages/incidents')), group: 'govern', name: 'nav.incidents', icon: <AlertOutlined /> },
  { path: '/incidents/:id', Page: lazy(() => import('./pages/incident')) },
  { path: '/drills', Page: lazy(() => import('./pages/incidents_drills')), group: 'govern', name: 'nav.drills', icon: <ScheduleOutlined /> },
  { path: '/notifications', Page: lazy(() => import('./pages/incidents_channels')), group: 'govern', name: 'nav.notifications', icon: <BellOutlined /> },
  { path: '/redteam', Page: lazy(() => import('./pages/redteam')), group: 'prove', name: 'nav.redteam', icon: <ThunderboltOutlined /> },
  { path: '/redteam/:id', Page: lazy(() => import('./pages/campaign')) },
  { path: '/range', Page: lazy(() => import('./pages/range')), group: 'prove', name: 'nav.range', icon: <SafetyCertificateOutlined /> },
  { path: '/assess', Page: lazy(() => import('./pages/assess')), group: 'prove', name: 'nav.assess', icon: <FileProtectOutlined /> },
  { path: '/assess/:id', Page: lazy(() => import('./pages/assess_run')) },
  { path: '/keys', Page: lazy(() => import('./pages/keys')), group: 'manage', name: 'nav.keys', icon: <KeyOutlined /> },
  { path: '/people', Page: lazy(() => import('./pages/people')), group: 'manage', name: 'nav.people', icon: <TeamOutlined /> },
  { path: '/protection', Page: lazy(() => import('./pages/protection')), group: 'manage', name: 'nav.protection', icon: <LockOutlined /> },
  { path: '/account', Page: lazy(() => import('./pages/account')) },
  { path: '/setup', Page: lazy(() => import('./pages/setup')) },
  { path: '/about', Page: lazy(() => import('./pages/about')), group: 'manage', name: 'nav.about', icon: <InfoCircleOutlined /> },
]
