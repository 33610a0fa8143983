import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run, startNode } from '../cli/processes.js'
import { tempDir } from '../node/temp-dir.js'
import { DEPLOY, freePort, listening, makeCertificate, serve } from './programs.js'

interface Proxy {
  /** Where the proxy listens, and the node. */
  port: number
  backend: number
  folder: string
  cert: string
  key: string
}

/** The recipe as it stands, with the ports, names and files of this machine. */
function recipe(name: string, changes: [was: string | RegExp, is: string][]): string {
  return changes.reduce(
    (text, [was, is]) => {
      assert.notEqual(text.search(was), -1, `${name} has ${was}`)
      return text.replaceAll(was, is)
    },
    readFileSync(join(DEPLOY, name), 'utf8')
  )
}

async function nginx(t: TestContext, { port, backend, folder, cert, key }: Proxy): Promise<void> {
  const site = recipe('nginx.conf', [
    [/listen \[::\]:443 ssl;/g, ''],
    [/listen 443 ssl;/g, `listen 127.0.0.1:${port} ssl;`],
    [/mail\.example\.org;/g, 'localhost;'],
    [/ssl_certificate \S+;/g, `ssl_certificate ${cert};`],
    [/ssl_certificate_key \S+;/g, `ssl_certificate_key ${key};`],
    [/127\.0\.0\.1:30305;/g, `127.0.0.1:${backend};`]
  ])
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(each => `${each}_temp_path ${folder}/${each};`)
  const main = `daemon off; pid ${folder}/nginx.pid; error_log stderr warn; events {}
http { access_log off; ${paths.join(' ')} ${site} }`
  writeFileSync(join(folder, 'main.conf'), main)
  serve(t, 'nginx', ['-p', folder, '-c', join(folder, 'main.conf')], { PATH: `${process.env.PATH}:/usr/sbin` })
}

async function caddy(t: TestContext, { port, backend, folder, cert, key }: Proxy): Promise<void> {
  const site = recipe('Caddyfile', [
    [/mail\.example\.org \{/g, `https://localhost:${port} {\n  tls ${cert} ${key}`],
    [/127\.0\.0\.1:30305\n/g, `127.0.0.1:${backend}\n`]
  ])
  writeFileSync(
    join(folder, 'Caddyfile'),
    `{\n admin off\n auto_https disable_redirects\n log {\n level ERROR\n }\n}\n${site}`
  )
  const homes = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  serve(t, 'caddy', ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')], homes)
}

for (const [name, start] of Object.entries({ nginx, caddy })) {
  test(`a client posts and asks for history through ${name}, which has the certificate`, async t => {
    const cwd = tempDir(t)
    chmodSync(cwd, 0o755)
    const { ca, cert, key } = makeCertificate(cwd)
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0/ws', '--trusted-proxy', '127.0.0.1', '--no-devp2p']
    const node = await startNode(t, cwd, listen)
    const port = await freePort()
    await start(t, { port, backend: node.port, folder: cwd, cert, key })
    await listening(port)
    const server = `/dns4/localhost/tcp/${port}/tls/ws/p2p/${node.peerId}`
    const env = { NODE_EXTRA_CA_CERTS: ca }
    const post = await run(t, ['post', '--to', server, '--topic', 'news', '--payload', 'through', '--json'], {
      cwd,
      env
    })
    assert.equal(post.code, 0, post.stderr)
    const ask = ['request', '--server', server, '--topics', 'news', '--password-file', 'waku-data/password', '--trust']
    const request = await run(t, ask, { cwd, env })
    assert.equal(request.code, 0, request.stderr)
    assert.deepEqual(
      request.json().map(({ text }) => text),
      ['through']
    )
    const untrusting = await run(t, ask, { cwd })
    assert.notEqual(untrusting.code, 0, 'the certificate counts')
  })
}
