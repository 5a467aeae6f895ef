//! Appeals, complaints and reports, some of the way gone; with what attackers would write into them.

/** @returns the ids of one that is open, one that waits for approval, and one that is over. */
export async function cases(program, keys, clients, Client) {
  const by = (key) => new Client(program.url, keys[key])
  const send = (key, body, once) => by(key).call('POST', '/v1/complaints', body, once ? { 'idempotency-key': once } : {})
  const { reviewer, reviewer2, owner } = clients
  const list = async () => (await owner.call('GET', '/admin/cases?state=all&limit=200')).cases
  const id = async (receipt) => (await list()).find((c) => c.number === receipt.number).id
  const step = (who, one, body) => who.call('POST', `/admin/cases/${one}/steps`, body)

  const appeal = await id(await send('support', { kind: 'appeal.suspension', text: '我只是在写小说，账号却被暂停了，请人工看一下。', user: 'u-9001', contact: 'u9001@example.cn' }, 'seed-appeal'))
  const rumour = await id(await send('support', { kind: 'report.rumour', text: '这篇说明天全市停水，是编的。<img src=x onerror="window.__owned=50">', url: 'https://forum.example/post/8841', content: '紧急通知：明天全市停水三天！\u202egpj.exe <script>window.__owned=51</script>', category: 'accuracy' }))
  await send('acme', { kind: 'complaint.content', text: 'The answer about refunds was wrong. <svg/onload=window.__owned=52>', lang: 'en', user: '<img/src=x/onerror=window.__owned=53>' })
  await send('tutor', { kind: 'complaint.minors', text: '孩子一晚上都在和它聊天，没有提醒。', contact: '13800138000' })
  await send('support', { kind: 'complaint.service', text: '网页打不开。' })
  const done = await id(await send('support', { kind: 'complaint.privacy', text: '请删除我的资料。', contact: 'li.lei@example.cn' }))
  await step(reviewer, done, { step: 'acknowledge' })
  await step(reviewer, done, { step: 'start' })
  await step(reviewer, done, { step: 'note', text: '已核对身份 <script>window.__owned=54</script>' })
  await step(reviewer, done, { step: 'decide', decision: 'justified', reason: '请求有据' })
  await step(reviewer, done, { step: 'effect', effect: 'corrected', note: '资料已删除' })
  await step(reviewer, done, { step: 'answer', text: '您好，您的资料已经删除。' })
  await step(reviewer, done, { step: 'close' })
  await step(reviewer2, rumour, { step: 'acknowledge' })
  await step(reviewer2, rumour, { step: 'start' })
  await step(reviewer2, rumour, { step: 'evidence', url: 'https://forum.example/post/8841', content: '紧急通知：明天全市停水三天！' })
  await step(reviewer2, rumour, { step: 'assess', risk: 'A1g', confirmed: true, text: '供水公司确认没有停水计划。' })
  await step(reviewer2, rumour, { step: 'decide', decision: 'take_down', reason: '虚假信息，正在传播' })
  return { case: appeal, report: rumour, over: done }
}
