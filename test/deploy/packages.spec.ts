import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cleanEnv, startNode } from '../cli/processes.js'
import { repositoryRoot } from '../helpers/repository.js'
import { tempDir } from '../node/temp-dir.js'
import { DEPLOY, serve } from './programs.js'

const read = (name: string): string => readFileSync(join(DEPLOY, name), 'utf8')

test('systemd understands the unit, and finds little that it exposes', t => {
  const unit = join(tempDir(t), 'waku-mailserver.service')
  // verify looks whether the program is there
  writeFileSync(unit, read('waku-mailserver.service').replace('/usr/bin/waku-mailserver', process.execPath))
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  assert.equal(verified.status, 0, verified.stderr)
  assert.equal(verified.stderr, '')
  const options = ['security', '--offline=yes', '--threshold=20', '--no-pager', unit]
  const secure = spawnSync('systemd-analyze', options, { encoding: 'utf8' })
  assert.equal(secure.status, 0, secure.stdout)
  for (const line of ['Type=notify', 'DynamicUser=yes', 'StateDirectory=waku-mailserver', 'ProtectSystem=strict']) {
    assert.ok(read('waku-mailserver.service').split('\n').includes(line), line)
  }
})

/** Prints what it is told, as systemd would hear it. */
const MANAGER = `
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
while True:
    print(manager.recv(4096).decode(), flush=True)
`

test('a node tells the service manager when it serves and when it stops', async t => {
  const cwd = tempDir(t)
  const socket = join(cwd, 'notify.sock')
  const manager = serve(t, 'python3', ['-c', MANAGER, socket])
  let said = ''
  const heard = (text: string): Promise<void> =>
    new Promise(resolve => {
      const look = (): void => {
        if (said.includes(text)) resolve()
      }
      manager.stdout?.on('data', data => {
        said += data
        look()
      })
      look()
    })
  const ready = heard('READY=1')
  while (!existsSync(socket)) await new Promise(resolve => setTimeout(resolve, 20))
  const node = await startNode(t, cwd, [], { NOTIFY_SOCKET: socket })
  await ready
  assert.match(said, new RegExp(`STATUS=serving as ${node.peerId}`))
  const stopping = heard('STOPPING=1')
  assert.equal(await node.stop(), 0)
  await stopping
  assert.doesNotMatch(node.output(), /systemd was not told/)
})

test('npx runs the packed package, in an empty folder', t => {
  const cwd = tempDir(t)
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', cwd], {
    cwd: repositoryRoot,
    encoding: 'utf8'
  })
  const file = join(cwd, JSON.parse(packed)[0].filename)
  const args = ['--yes', '--package', file, 'waku-mailserver', 'start', '--self-check', '--once']
  const { status, stdout, stderr } = spawnSync('npx', args, {
    cwd,
    encoding: 'utf8',
    env: cleanEnv() as NodeJS.ProcessEnv
  })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /self-check: /)
})

test('what the image and the compose file name is there, and Prometheus takes its configuration', () => {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
  const docker = read('Dockerfile')
  for (const [, name] of docker.matchAll(/npm run (\w+)/g)) assert.ok(scripts[name as string], name)
  for (const [, path] of docker.matchAll(/\.\/?(dist\/src\/\S+\.js)/g))
    assert.ok(existsSync(join(repositoryRoot, path as string)))
  for (const line of ['USER node', 'ENTRYPOINT ["tini", "--", "waku-mailserver"]']) assert.ok(docker.includes(line))
  assert.match(docker, /^HEALTHCHECK /m)
  assert.equal(docker.match(/^FROM /gm)?.length, 2)
  const checked = spawnSync('promtool', ['check', 'config', 'prometheus.yml'], {
    cwd: DEPLOY,
    encoding: 'utf8'
  })
  assert.equal(checked.status, 0, checked.stderr)
  assert.deepEqual(readdirSync(join(DEPLOY, 'grafana')), ['dashboards', 'datasources'])
  const mounted = [...read('compose.yaml').matchAll(/^ {6}- \.\/(\S+?):\S+:ro$/gm)].map(([, path]) => path as string)
  assert.ok(mounted.length > 0)
  for (const path of mounted) assert.ok(existsSync(join(DEPLOY, path)), path)
})
