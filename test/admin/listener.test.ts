import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import * as FIGURES from '../../src/limits/figures.js'
import { tempDir } from '../node/temp-dir.js'
import { ask, bearer, open, tokenOf, urlOf } from './asking.js'
import { running } from './running.js'

test('the probes need no token, everything else does, and the token is the owner’s alone', async t => {
  const daemon = await running(t)
  for (const [path, type] of [
    ['/metrics', /^text\/plain; version=0\.0\.4/],
    ['/livez', /^text\/plain/],
    ['/readyz', /^application\/json/]
  ] as const) {
    const { status, headers } = await ask(urlOf(daemon, path))
    assert.equal(status, 200, path)
    assert.match(headers['content-type'] ?? '', type)
  }
  const { token, mode } = tokenOf(daemon)
  assert.match(token, /^[\w-]{43}$/)
  if (process.platform !== 'win32') assert.equal(mode, 0o600)
  for (const path of ['/', '/nothing', '/metrics/', '/login']) {
    const { status, body } = await ask(urlOf(daemon, path))
    assert.equal(status, 401, path)
    assert.match(body, /admin-token of the data dir/)
  }
  assert.equal((await ask(urlOf(daemon, '/nothing'), { headers: bearer(daemon) })).status, 404)
})

test('a token is kept over a restart, and another data dir has another', async t => {
  const dir = join(tempDir(t), 'data')
  const first = await running(t, { 'data-dir': dir })
  const { token } = tokenOf(first)
  await first.stop()
  const again = await running(t, { 'data-dir': dir })
  assert.equal(tokenOf(again).token, token)
  assert.notEqual(tokenOf(await running(t)).token, token)
})

test('a wrong token is refused with where the right one is, in every form', async t => {
  const daemon = await running(t)
  const { token } = tokenOf(daemon)
  const wrong = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  for (const authorization of [`Bearer ${wrong}`, 'Bearer', 'Bearer  ', `Basic ${token}`, token, `Bearer ${token}x`]) {
    const { status, body, headers } = await ask(urlOf(daemon, '/nothing'), { headers: { authorization } })
    assert.equal(status, 401, authorization)
    assert.match(body, /wrong token: the token is in the file admin-token/)
    assert.match(headers['www-authenticate'] ?? '', /Bearer/)
  }
  const login = (value: string) => ask(urlOf(daemon, '/login'), { method: 'POST', body: `token=${value}` })
  assert.equal((await login(wrong)).status, 401)
  assert.equal((await login('')).status, 401)
  const { status, headers } = await login(token)
  assert.equal(status, 303)
  const [cookie = ''] = headers['set-cookie'] ?? []
  assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Strict$/)
  assert.ok(!cookie.includes(token), 'other ports of this machine see cookies, and must not learn the token')
  const [pass = ''] = cookie.split(';')
  assert.equal((await ask(urlOf(daemon, '/nothing'), { headers: { cookie: pass } })).status, 404)
  assert.equal((await ask(urlOf(daemon, '/nothing'), { headers: { cookie: `${pass}x` } })).status, 401)
})

test('a page of another origin gets nothing, also with the token', async t => {
  const daemon = await running(t)
  const { host } = new URL(urlOf(daemon))
  const headers = bearer(daemon)
  for (const foreign of [
    { origin: 'https://example.org' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1' },
    { origin: `http://${host}.example.org` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }
  ] as Array<Record<string, string>>) {
    for (const path of ['/metrics', '/livez', '/nothing', '/login']) {
      const { status, body } = await ask(urlOf(daemon, path), { headers: { ...headers, ...foreign } })
      assert.equal(status, 403, `${path} ${JSON.stringify(foreign)}`)
      assert.match(body, /another origin; open the address itself/)
    }
  }
  const own = { ...headers, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
  assert.equal((await ask(urlOf(daemon, '/livez'), { headers: own })).status, 200)
})

test('a name that a stranger pointed at this machine is refused, one that the operator named is not', async t => {
  const daemon = await running(t, { 'admin-host': 'mail.example.org' })
  const { port } = new URL(urlOf(daemon))
  for (const host of ['rebound.example.org', `rebound.example.org:${port}`, 'localhost.example.org', 'a b', '[::1']) {
    const { status, body } = await ask(urlOf(daemon, '/metrics'), { headers: { ...bearer(daemon), host } })
    assert.ok(status === 421 || (status === 400 && host === 'a b'), `${host} ${status}`)
    if (status === 421) assert.match(body, /--admin-host <name>/)
  }
  const nameless = open(daemon)
  nameless.write('GET /metrics HTTP/1.0\r\n\r\n')
  assert.match(await replyOf(nameless), /^HTTP\/1\.1 421 /)
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, '[::1]:1', '192.0.2.7', 'Mail.Example.Org:8080']) {
    assert.equal((await ask(urlOf(daemon, '/livez'), { headers: { host } })).status, 200, host)
  }
})

test('nothing is loaded from elsewhere, framed or kept', async t => {
  const daemon = await running(t)
  for (const path of ['/', '/metrics', '/nothing']) {
    const { headers } = await ask(urlOf(daemon, path), { headers: { accept: 'text/html' } })
    const policy = headers['content-security-policy'] ?? ''
    assert.match(String(policy), /^default-src 'none'; /)
    assert.ok(!/unsafe|https?:|\*/.test(String(policy)))
    assert.match(String(policy), /frame-ancestors 'none'/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cache-control'], 'no-store')
  }
})

test('half a request ends in time, a huge one at once, and the node serves on', { timeout: 60_000 }, async t => {
  const daemon = await running(t)
  const half = open(daemon)
  half.write('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never:')
  const body = open(daemon)
  body.write('POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\ntoken=')
  const ends = [half, body].map(socket => replyOf(socket))
  const { maxBody, maxHeaders } = FIGURES.admin
  const declared = await ask(urlOf(daemon, '/login'), { method: 'POST', body: 'a'.repeat(maxBody + 1) })
  assert.equal(declared.status, 413)
  const streamed = open(daemon)
  streamed.write('POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n')
  streamed.write(`${(maxBody + 1).toString(16)}\r\n${'a'.repeat(maxBody + 1)}\r\n`)
  assert.match(await replyOf(streamed), /^HTTP\/1\.1 413 /)
  const head = open(daemon)
  head.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'a'.repeat(maxHeaders + 1)}\r\n\r\n`)
  assert.match(await replyOf(head), /^HTTP\/1\.1 431 /)
  const noise = open(daemon)
  noise.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]))
  assert.match(await replyOf(noise), /^HTTP\/1\.1 400 /)
  for (const reply of await Promise.all(ends)) assert.match(reply, /^HTTP\/1\.1 408 /)
  assert.equal((await ask(urlOf(daemon, '/livez'))).status, 200)
})

test('a thousand connections that say nothing keep nobody out, and are not kept', { timeout: 60_000 }, async t => {
  const daemon = await running(t)
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (let i = 0; i < 1000; i++) {
    const socket = open(daemon)
    socket.on('error', () => {})
    sockets.push(socket)
    if (i % 50 === 49) await once(socket, 'connect')
  }
  const { status, body } = await ask(urlOf(daemon, '/metrics'))
  assert.equal(status, 200)
  const held = Number(/^waku_mailserver_admin_connections (\d+)$/m.exec(body)?.[1])
  assert.ok(held > 0 && held <= FIGURES.admin.connections, `${held} connections`)
})

test('a port that was named and is taken is an error that names the remedy; otherwise the next free one will do', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  await assert.rejects(running(t, { 'admin-listen': `127.0.0.1:${port}` }), {
    name: 'ListenError',
    message: /in use by another program: choose another with --admin-listen <ip:port>, or --no-admin/
  })
  // whoever has the default port already will do
  const [first, second] = [
    await running(t, { 'admin-listen': undefined }),
    await running(t, { 'admin-listen': undefined })
  ]
  for (const daemon of [first, second]) assert.equal((await ask(urlOf(daemon, '/livez'))).status, 200)
  const [one, other] = [first, second].map(daemon => Number(new URL(urlOf(daemon)).port))
  assert.ok(one !== undefined && other !== undefined && one >= 30380 && other > one, `${one} ${other}`)
})

test('without an admin listener there is none, and settings that contradict each other are refused', async t => {
  const silent = await running(t, { 'admin-listen': undefined, 'no-admin': true })
  assert.equal(silent.ready.admin, null)
  await assert.rejects(running(t, { 'no-admin': true }), {
    name: 'ConfigError',
    message: '--no-admin and --admin-listen exclude each other'
  })
})

/** What comes back until the other side ends. */
async function replyOf(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  return text
}
