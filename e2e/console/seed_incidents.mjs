//! Incidents as tests and screenshots find them: one under way, with evidence, and a drill. Nobody outside is told.

/** Opens both; gives the id of the one under way. */
export async function incidents({ owner }) {
  const incident = await owner.call('POST', '/admin/incidents', { title: '回答里出现其他用户的订单号 <img src=x onerror="window.__owned=44">', class: 'data', answers: { people: 1200 }, announce: false })
  const at = `/admin/incidents/${incident.id}`
  await owner.call('POST', `${at}/notes`, { text: '已关闭订单查询工具，正在核对受影响的用户' })
  await owner.call('POST', `${at}/evidence`, {})
  await owner.call('POST', '/admin/incidents', { title: '季度演练：客服助手大面积输出违规内容', class: 'content', drill: true })
  return incident.id
}
