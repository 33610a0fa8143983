// Imports point downwards only. Each room names the rooms it may use; anything else is an error.
const rooms = {
  base: [],
  wire: ['base'],
  limits: ['base', 'wire'],
  archive: ['base', 'wire', 'limits'],
  trust: ['base', 'wire', 'limits'],
  waku: ['base', 'wire', 'limits', 'archive', 'trust'],
  mailserver: ['base', 'wire', 'limits', 'archive', 'trust', 'waku'],
  mailclient: ['base', 'wire', 'limits', 'archive', 'trust', 'waku'],
  libp2p: ['base', 'wire', 'limits', 'archive', 'trust', 'waku', 'mailserver', 'mailclient'],
  devp2p: ['base', 'wire', 'limits', 'archive', 'trust', 'waku', 'mailserver', 'mailclient'],
  bridge: [
    'base',
    'wire',
    'limits',
    'archive',
    'trust',
    'waku',
    'mailserver',
    'mailclient',
    'libp2p',
    'devp2p',
    'index'
  ],
  node: [
    'base',
    'wire',
    'limits',
    'archive',
    'trust',
    'waku',
    'mailserver',
    'mailclient',
    'libp2p',
    'devp2p',
    'bridge',
    'index'
  ],
  cli: [
    'node',
    'index',
    'base',
    'wire',
    'limits',
    'archive',
    'trust',
    'waku',
    'mailserver',
    'mailclient',
    'libp2p',
    'devp2p',
    'bridge'
  ]
}

const path = name => (name === 'index' ? 'index\\.ts' : `${name}/`)

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }
    },
    ...Object.entries(rooms).map(([room, below]) => ({
      name: `${room}-imports-downwards`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${[room, ...below].map(path).join('|')})` }
    })),
    {
      name: 'index-joins-services-only',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/(node|cli|bridge|devp2p)/' }
    },
    {
      name: 'only-the-edges-know-node',
      severity: 'error',
      from: { path: '^src/(base|wire|limits|waku|mailserver|mailclient|trust|libp2p|index)' },
      to: { dependencyTypes: ['core'] }
    },
    { name: 'not-to-test', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|scripts)/' } }
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' }
  }
}
