// Imports point downwards only: a room may use the floors below its own; anything else, its neighbours included, is an error.
const floors = [
  ['wire'],
  ['base'],
  ['limits'],
  ['archive', 'trust'],
  ['waku'],
  ['mailserver', 'mailclient'],
  ['mailbox'],
  ['libp2p', 'devp2p'],
  ['index'],
  ['bridge', 'transfer'],
  ['admin'],
  ['node'],
  ['cli']
]
const rooms = Object.fromEntries(
  floors.flatMap((floor, i) => floor.filter(room => room !== 'index').map(room => [room, floors.slice(0, i).flat()]))
)

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
      to: { path: '^src/(node|cli|bridge|devp2p|admin)/' }
    },
    {
      name: 'only-the-edges-know-node',
      severity: 'error',
      from: { path: '^src/(base|wire|limits|waku|mailserver|mailclient|mailbox|trust|libp2p|index)' },
      to: { dependencyTypes: ['core'] }
    },
    {
      name: 'the-page-shares-types-only',
      severity: 'error',
      from: { path: '^src/admin/page/' },
      to: { path: '^src/', pathNot: '^src/admin/page/', dependencyTypesNot: ['type-only'] }
    },
    {
      name: 'the-page-is-bundled-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/admin/page/' },
      to: { path: '^src/admin/page/' }
    },
    { name: 'not-to-test', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|scripts)/' } }
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' }
  }
}
