//! End users as the operator knows them: no names, no numbers of documents.

/** Gives three end users a profile, and one of them a review. */
export async function users({ owner }) {
  const put = (user, rest) => owner.call('PUT', '/admin/users', { tenant: 'default', app: 'support', user, ...rest })
  await put('u-1001', { tier: 'identified', real_name: 'id', region: 'CN-GD' })
  await put('u-1010', { tier: 'registered', real_name: 'phone', minor: true })
  await put('u-9002<img src=x onerror="window.__owned=45">', { tier: 'guest' })
}
