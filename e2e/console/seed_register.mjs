//! The register as tests and screenshots find it: an application that is reviewed, one that waits, assets.

const profile = { industry: ['retail'], sensitivity: ['personal'], technique: ['text', 'retrieval'], audience: ['adults'], reach: ['public'] }

/** Registers, ticks, files and reviews; gives the ids of both applications and of the closed review. */
export async function register(clients) {
  const { owner, developer, reviewer, reviewer2, red_teamer: red } = clients
  const entry = await developer.call('POST', '/admin/register/apps', {
    name: '商城客服助手', owner: 'dev', app: 'support', launch: '2026-10-12', profile,
    facts: { purpose: '回答商品和售后问题', provider: '示例商城', contact: 'service@example.com', complaints: 'https://example.com/complaints' },
  })
  const at = `/admin/register/apps/${entry.id}`
  await developer.call('POST', `${at}/controls`, { control: 'disclosure', met: true, evidence: '<img src=x onerror="window.__owned=41"> https://example.com/about', expires: '2099-01-01' })
  await developer.call('POST', `${at}/controls`, { control: 'complaints', met: true, evidence: '11 月 3 日试投诉，两小时内答复' })
  await developer.call('POST', `${at}/filing`, { duty: 'registration', item: 'registration_form', state: 'submitted', responsible: '王芳', file_name: '登记表.docx', file_hash: 'a'.repeat(64) })
  const closed = await owner.call('POST', `${at}/reviews`, { members: ['li', 'sun', 'wei'], note: '首次上线' })
  const votes = (id) => `/admin/register/reviews/${id}/votes`
  await reviewer.call('POST', votes(closed.id), { vote: 'approve', reason: '用途清楚，护栏开启' })
  await reviewer2.call('POST', votes(closed.id), { vote: 'conditional', reason: '尚缺个人信息影响评估', conditions: '一个月内补齐评估报告' })
  await red.call('POST', votes(closed.id), { vote: 'approve', reason: '红队没有发现严重问题' })
  const agent = await developer.call('POST', '/admin/register/apps', {
    name: '"><svg/onload=window.__owned=42> 采购智能体', owner: 'chen', launch: '2027-03-01',
    profile: { industry: ['finance'], sensitivity: ['internal'], technique: ['agent'], audience: ['staff'], reach: ['internal'] },
  })
  await owner.call('POST', '/admin/register/assets/import', {})
  await developer.call('POST', '/admin/register/assets', { asset: { kind: 'data_set', name: '商品知识库', version: '2026-10', stage: 'development', owner: 'dev', source: '自有商品资料', entries: [entry.id] } })
  return { entry: entry.id, closed: closed.id, agent: agent.id }
}
